/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Threads, processes, life times, secrets, certificates, and the end. */

#include "contract.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 8
#define ROUNDS 12

struct worker {
	struct lab *lab;
	size_t number;
	atomic_bool *failed;
};

static bool
sign_and_verify(clv_key *key)
{
	const clv_scheme scheme =
	    clv_algorithm_describe(clv_key_algorithm(key))->scheme;
	uint8_t signature[CLV_SIGNATURE_MAX];
	size_t size = sizeof(signature);
	uint8_t message[16];

	memset(message, (int)size, sizeof(message));
	require_ok(clv_key_sign(
	    key, scheme, message, sizeof(message), signature, &size, &err));
	require(contract_verifies(
	    key, scheme, message, sizeof(message), signature, size));
	return true;
}

static void *
work(void *user)
{
	const struct worker *worker = user;
	struct lab *lab = worker->lab;

	for (size_t i = 0; i < ROUNDS; i++) {
		clv_key *key = clv_key_ref(
		    lab->keys[(worker->number / 2 + i / 4) % lab->count]);

		if (!sign_and_verify(key))
			atomic_store(worker->failed, true);
		clv_key_free(&key);
	}
	return NULL;
}

static bool
threads_share_keys(struct lab *lab)
{
	struct worker workers[THREADS];
	pthread_t threads[THREADS];
	atomic_bool failed = false;

	for (size_t i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){lab, i, &failed};
		require(
		    pthread_create(&threads[i], NULL, work, &workers[i]) == 0);
	}
	for (size_t i = 0; i < THREADS; i++)
		(void)pthread_join(threads[i], NULL);
	return !atomic_load(&failed);
}

static bool
key_outlives_context_and_store(struct lab *lab)
{
	clv_context *context = contract_context(lab);
	clv_store *store = NULL;
	clv_key *key = NULL;
	bool good;

	require_ok(clv_store_open(context, lab->store_uri, &store, &err));
	require_ok(
	    clv_key_open_in(store, clv_key_uri(lab->keys[0]), &key, &err));
	clv_context_free(&context);
	clv_store_free(&store);
	good = sign_and_verify(key);
	clv_key_free(&key);
	return good;
}

static bool
parent_and_child_go_on(struct lab *lab)
{
	int status = 0;
	pid_t child;

	(void)fflush(NULL);
	child = fork();
	require(child >= 0);
	if (child == 0) {
		bool good = true;

		for (size_t i = 0; i < lab->count; i++) {
			clv_key *key = NULL;

			/* Secrets are empty in a child: opened again, a key
			 * works; a handle of the parent's may refuse, but not
			 * sign wrongly. */
			good = good &&
			    clv_key_open(lab->context,
				clv_key_uri(lab->keys[i]), &key,
				NULL) == CLV_OK &&
			    sign_and_verify(key);
			clv_key_free(&key);
		}
		_exit(good ? 0 : 1);
	}
	require(waitpid(child, &status, 0) == child);
	require(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	for (size_t i = 0; i < lab->count; i++)
		require(sign_and_verify(lab->keys[i]));
	return true;
}

static clv_status
answer_wrongly(void *user, const struct clv_ask_request *request,
    clv_secret *answer, clv_error **err)
{
	(void)user;
	if (request->attempt > 1)
		return CLV_CANCELLED;
	return clv_secret_set(answer, "not-this-one", 12, err);
}

static bool
wrong_secret_is_auth(struct lab *lab)
{
	static const char *const none[] = {NULL};
	const char *const *sources = lab->sources;
	clv_context *context;
	clv_key *key = NULL;
	uint8_t signature[CLV_SIGNATURE_MAX];
	size_t size = sizeof(signature);
	clv_status status;
	bool good;

	if (!lab->wrong_secret)
		return true;
	lab->sources = none;
	context = contract_context(lab);
	lab->sources = sources;
	clv_context_set_ask(context, answer_wrongly, NULL);
	status = clv_key_open(context, clv_key_uri(lab->keys[0]), &key, NULL);
	/* A backend may ask when the key is first used. */
	if (status == CLV_OK)
		status = clv_key_sign(key,
		    clv_algorithm_describe(lab->algorithms[0])->scheme, "m", 1,
		    signature, &size, NULL);
	clv_key_free(&key);
	clv_context_free(&context);
	require(status == CLV_AUTH || status == CLV_CANCELLED);
	require_ok(
	    clv_key_open(lab->context, clv_key_uri(lab->keys[0]), &key, &err));
	good = sign_and_verify(key);
	clv_key_free(&key);
	return good;
}

static bool
certificates_are_kept(struct lab *lab)
{
	clv_key *key = lab->keys[0];
	clv_subject *subject = NULL;
	uint8_t *der = NULL;
	uint8_t *read = NULL;
	size_t size = 0;
	size_t read_size = 0;

	require_ok(clv_subject_new(&subject, &err));
	require_ok(clv_subject_set_application_uri(
	    subject, "urn:claviger:contract", &err));
	require_ok(clv_subject_set_common_name(subject, "Contract", &err));
	require_ok(
	    clv_certificate_self_sign(key, subject, 1, &der, &size, &err));
	clv_subject_free(&subject);
	require_fails(CLV_NOT_FOUND,
	    clv_key_read_certificates(key, &read, &read_size, &err));
	require_ok(clv_key_write_certificates(key, der, size, &err));
	require_ok(clv_key_read_certificates(key, &read, &read_size, &err));
	require(read_size == size && memcmp(read, der, size) == 0);
	clv_free(read);
	require_ok(clv_key_write_certificates(key, der, size, &err));
	require_ok(clv_key_write_certificates(key, NULL, 0, &err));
	require_fails(CLV_NOT_FOUND,
	    clv_key_read_certificates(key, &read, &read_size, &err));
	clv_free(der);
	return true;
}

static bool
deleted_key_is_gone(struct lab *lab)
{
	size_t times = 0;
	size_t before = 0;
	size_t after = 0;

	for (size_t i = 0; i < lab->count; i++) {
		char *uri = strdup(clv_key_uri(lab->keys[i]));
		clv_key *again = NULL;

		require(uri != NULL);
		require(contract_listed(lab, uri, &times, &before));
		require_ok(clv_key_delete(lab->context, uri, &err));
		clv_key_free(&lab->keys[i]);
		require(contract_listed(lab, uri, &times, &after));
		require(times == 0 && after == before - 1);
		require_fails(CLV_NOT_FOUND,
		    clv_key_open(lab->context, uri, &again, &err));
		require_fails(
		    CLV_NOT_FOUND, clv_key_delete(lab->context, uri, &err));
		free(uri);
	}
	return true;
}

const struct contract_case contract_share_cases[] = {
    {"threads share keys", threads_share_keys, 0},
    {"a key outlives its context and store", key_outlives_context_and_store, 0},
    {"parent and child go on after a fork", parent_and_child_go_on, 0},
    {"a wrong secret is refused and the right one still works",
	wrong_secret_is_auth, CLV_STORE_SECRET},
    {"certificates are kept beside the key", certificates_are_kept,
	CLV_STORE_CERTIFICATES},
    {NULL, NULL, 0},
};

const struct contract_case contract_end_cases[] = {
    {"a deleted key is gone", deleted_key_is_gone,
	CLV_STORE_DELETES | CLV_STORE_LISTS},
    {NULL, NULL, 0},
};
