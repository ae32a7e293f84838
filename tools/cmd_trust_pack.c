/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* trust pack, unpack: TrustListDataType, OPC 10000-12, 7.8.2.8 */

#include "commands.h"

#include "trust_options.h"

enum { MASK = 1, FILE_NAME };

struct packing {
	const char *directory;
	const char *file;
	unsigned long mask;
};

static int
read_arguments(struct program *program, int argc, char **argv,
    const struct option *options, struct packing *packing)
{
	int option;

	packing->mask = CLV_TRUST_ALL_LISTS;
	while ((option = program_option(program, argc, argv, options)) != -1) {
		if (option == OPTION_HELP)
			return -1;
		if (option == '?')
			return EXIT_USAGE;
		if (option == FILE_NAME)
			packing->file = optarg;
		else if (!program_number(program, "--mask", optarg, 0,
			     CLV_TRUST_ALL_LISTS, &packing->mask))
			return EXIT_USAGE;
	}
	packing->directory = trust_argument(argc, argv);
	if (packing->directory == NULL || optind != argc)
		return program_usage(program, "one DIR is needed");
	return EXIT_DONE;
}

static int
write_data(const clv_trust_data *data, const char *file)
{
	const size_t room = clv_trust_data_encoded_size(data);
	clv_secret bytes = CLV_SECRET_INIT;
	clv_error *err = NULL;
	size_t size = 0;
	int status;

	if (clv_secret_alloc(&bytes, room, &err) ||
	    clv_trust_data_encode(data, bytes.data, room, &size, &err))
		status = program_fail(&err);
	else
		status = program_write(file, bytes.data, size) ? EXIT_DONE
							       : EXIT_REFUSED;
	clv_secret_clear(&bytes);
	return status;
}

int
cmd_trust_pack(struct program *program, int argc, char **argv)
{
	static const struct option options[] = {
	    {"mask", required_argument, NULL, MASK},
	    {"out", required_argument, NULL, FILE_NAME}, PROGRAM_OPTIONS};
	struct packing packing = {0};
	clv_trust_data *data = NULL;
	clv_error *err = NULL;
	clv_trust *trust;
	int status = read_arguments(program, argc, argv, options, &packing);

	if (status != EXIT_DONE)
		return status == -1 ? EXIT_DONE : status;
	trust = trust_open(program, packing.directory);
	if (trust == NULL)
		return EXIT_REFUSED;
	if (clv_trust_get_data(trust, (unsigned)packing.mask, &data, &err))
		status = program_fail(&err);
	else
		status = write_data(data, packing.file);
	clv_trust_data_free(&data);
	clv_trust_free(&trust);
	return status;
}

static int
unpack(struct program *program, const struct packing *packing)
{
	clv_trust *trust = trust_open(program, packing->directory);
	clv_secret bytes = CLV_SECRET_INIT;
	clv_trust_change change = {0};
	clv_trust_data *data = NULL;
	clv_error *err = NULL;
	int status = EXIT_REFUSED;

	if (trust == NULL)
		return EXIT_REFUSED;
	if (program_read(packing->file, CLV_SECRET_MAX, &bytes)) {
		if (clv_trust_data_decode(
			bytes.data, bytes.size, NULL, &data, &err) ||
		    clv_trust_replace(trust, data, &change, &err)) {
			status = program_fail(&err);
		} else {
			trust_tell_change(&change);
			trust_record(program, packing->directory, NULL,
			    "replaced by a TrustListDataType");
			status = EXIT_DONE;
		}
	}
	clv_trust_data_free(&data);
	clv_secret_clear(&bytes);
	clv_trust_free(&trust);
	return status;
}

int
cmd_trust_unpack(struct program *program, int argc, char **argv)
{
	static const struct option options[] = {
	    {"in", required_argument, NULL, FILE_NAME}, PROGRAM_OPTIONS};
	struct packing packing = {0};
	const int status =
	    read_arguments(program, argc, argv, options, &packing);

	if (status != EXIT_DONE)
		return status == -1 ? EXIT_DONE : status;
	return unpack(program, &packing);
}
