/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Whether the numbers of a private key fit together. */

#include "base/private_key.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/crypto.h"

static clv_status
corrupt(clv_error **err, const char *reason)
{
	return clv_error_raise(err, CLV_CORRUPT,
	    &(struct clv_error_info){.operation = "check private key"}, "%s",
	    reason);
}

static clv_status
failed(clv_error **err)
{
	return clv_crypto_raise(
	    err, CLV_INTERNAL, "check private key", "OpenSSL failed");
}

/* RSA numbers as OpenSSL has them, and room to calculate. */
struct rsa {
	BN_CTX *context;
	BIGNUM *number[CLV_RSA_NUMBERS];
	BIGNUM *p1; /* p - 1 */
	BIGNUM *q1;
	BIGNUM *result;
	BIGNUM *other;
};

static bool
rsa_load(struct rsa *rsa, const struct clv_private_key *key)
{
	rsa->context = BN_CTX_secure_new_ex(clv_crypto_context());
	if (rsa->context == NULL)
		return false;
	BN_CTX_start(rsa->context);
	for (size_t i = 0; i < CLV_RSA_NUMBERS; i++) {
		rsa->number[i] = BN_CTX_get(rsa->context);
		if (rsa->number[i] == NULL ||
		    BN_bin2bn(key->rsa[i].data, (int)key->rsa[i].size,
			rsa->number[i]) == NULL)
			return false;
		BN_set_flags(rsa->number[i], BN_FLG_CONSTTIME);
	}
	rsa->p1 = BN_CTX_get(rsa->context);
	rsa->q1 = BN_CTX_get(rsa->context);
	rsa->result = BN_CTX_get(rsa->context);
	rsa->other = BN_CTX_get(rsa->context);
	return rsa->other != NULL &&
	    BN_sub(rsa->p1, rsa->number[CLV_RSA_P], BN_value_one()) &&
	    BN_sub(rsa->q1, rsa->number[CLV_RSA_Q], BN_value_one());
}

static void
rsa_unload(struct rsa *rsa)
{
	if (rsa->context != NULL)
		BN_CTX_end(rsa->context);
	BN_CTX_free(rsa->context); /* clears all of its numbers */
}

/* What must hold before it makes sense, or is safe, to calculate. */
static bool
rsa_sizes_fit(const struct rsa *rsa)
{
	BIGNUM *const *number = rsa->number;
	const int bits = BN_num_bits(number[CLV_RSA_N]);
	const int least = bits * 3 / 8;

	return BN_is_odd(number[CLV_RSA_N]) && BN_is_odd(number[CLV_RSA_E]) &&
	    BN_num_bits(number[CLV_RSA_E]) >= 2 &&
	    BN_num_bits(number[CLV_RSA_E]) <= 64 &&
	    BN_is_odd(number[CLV_RSA_P]) && BN_is_odd(number[CLV_RSA_Q]) &&
	    BN_num_bits(number[CLV_RSA_P]) >= least &&
	    BN_num_bits(number[CLV_RSA_Q]) >= least &&
	    BN_cmp(number[CLV_RSA_D], number[CLV_RSA_N]) < 0 &&
	    BN_cmp(number[CLV_RSA_DP], number[CLV_RSA_P]) < 0 &&
	    BN_cmp(number[CLV_RSA_DQ], number[CLV_RSA_Q]) < 0 &&
	    BN_cmp(number[CLV_RSA_QI], number[CLV_RSA_P]) < 0 &&
	    BN_cmp(number[CLV_RSA_P], number[CLV_RSA_Q]) != 0;
}

/* Sets `*fit` to whether a * b = 1 modulo m. Returns false if that can't be
 * found out. */
static bool
is_inverse(struct rsa *rsa, const BIGNUM *a, const BIGNUM *b, const BIGNUM *m,
    bool *fit)
{
	if (!BN_mod_mul(rsa->result, a, b, m, rsa->context))
		return false;
	*fit = *fit && BN_is_one(rsa->result);
	return true;
}

/* The equations of RFC 8017, 3.2. */
static bool
rsa_equations_hold(struct rsa *rsa, bool *fit)
{
	BIGNUM *const *number = rsa->number;

	if (!BN_mul(rsa->result, number[CLV_RSA_P], number[CLV_RSA_Q],
		rsa->context))
		return false;
	*fit = BN_cmp(rsa->result, number[CLV_RSA_N]) == 0;
	return is_inverse(
		   rsa, number[CLV_RSA_E], number[CLV_RSA_D], rsa->p1, fit) &&
	    is_inverse(
		rsa, number[CLV_RSA_E], number[CLV_RSA_D], rsa->q1, fit) &&
	    is_inverse(
		rsa, number[CLV_RSA_E], number[CLV_RSA_DP], rsa->p1, fit) &&
	    is_inverse(
		rsa, number[CLV_RSA_E], number[CLV_RSA_DQ], rsa->q1, fit) &&
	    is_inverse(rsa, number[CLV_RSA_Q], number[CLV_RSA_QI],
		number[CLV_RSA_P], fit);
}

/*
 * Fermat's test of one factor. It does not stop a forger, who has the key
 * anyway; it finds damage that the equations can't see. A full primality test
 * of a large key takes a second.
 */
static bool
is_prime(
    struct rsa *rsa, const BIGNUM *factor, const BIGNUM *less_one, bool *fit)
{
	if (!BN_set_word(rsa->other, 2) ||
	    !BN_mod_exp_mont_consttime(
		rsa->result, rsa->other, less_one, factor, rsa->context, NULL))
		return false;
	*fit = BN_is_one(rsa->result);
	return true;
}

static clv_status
check_rsa(const struct clv_private_key *key, clv_error **err)
{
	struct rsa rsa = {0};
	clv_status status = CLV_OK;
	bool fit = false;

	if (!rsa_load(&rsa, key))
		status = failed(err);
	else if (!rsa_sizes_fit(&rsa))
		status = corrupt(err, "the RSA key's numbers are out of range");
	else if (!rsa_equations_hold(&rsa, &fit))
		status = failed(err);
	else if (!fit)
		status = corrupt(
		    err, "the RSA key's numbers do not belong together");
	else if (!is_prime(&rsa, rsa.number[CLV_RSA_P], rsa.p1, &fit) ||
	    (fit && !is_prime(&rsa, rsa.number[CLV_RSA_Q], rsa.q1, &fit)))
		status = failed(err);
	else if (!fit)
		status = corrupt(err, "the RSA key's factors are not prime");
	rsa_unload(&rsa);
	return status;
}

/* A curve, and a key on it. */
struct ec {
	BN_CTX *context;
	EC_GROUP *group;
	BIGNUM *secret;
	EC_POINT *point;
	EC_POINT *claimed;
};

static bool
ec_load(struct ec *ec, const struct clv_private_key *key)
{
	OSSL_LIB_CTX *context = clv_crypto_context();
	const char *name = clv_algorithm_describe(key->algorithm)->group;

	ec->context = BN_CTX_secure_new_ex(context);
	ec->group =
	    EC_GROUP_new_by_curve_name_ex(context, NULL, OBJ_txt2nid(name));
	ec->secret = BN_secure_new();
	if (ec->context == NULL || ec->group == NULL || ec->secret == NULL ||
	    BN_bin2bn(key->secret.data, (int)key->secret.size, ec->secret) ==
		NULL)
		return false;
	BN_set_flags(ec->secret, BN_FLG_CONSTTIME);
	ec->point = EC_POINT_new(ec->group);
	ec->claimed = EC_POINT_new(ec->group);
	return ec->point != NULL && ec->claimed != NULL;
}

static void
ec_unload(struct ec *ec)
{
	EC_POINT_free(ec->claimed);
	EC_POINT_clear_free(ec->point);
	BN_clear_free(ec->secret);
	EC_GROUP_free(ec->group);
	BN_CTX_free(ec->context);
}

/* Whether the point that the key brings along is that of its scalar, which
 * also proves that it is on the curve. */
static bool
point_fits(struct ec *ec, const struct clv_private_key *key)
{
	return key->point.size == 0 ||
	    (EC_POINT_oct2point(ec->group, ec->claimed, key->point.data,
		 key->point.size, ec->context) == 1 &&
		EC_POINT_cmp(ec->group, ec->point, ec->claimed, ec->context) ==
		    0);
}

static clv_status
check_ec(struct clv_private_key *key, uint8_t *point, clv_error **err)
{
	struct ec ec = {0};
	clv_status status = CLV_OK;

	if (!ec_load(&ec, key))
		status = failed(err);
	else if (BN_is_zero(ec.secret) ||
	    BN_cmp(ec.secret, EC_GROUP_get0_order(ec.group)) >= 0)
		status = corrupt(err, "the EC key's number is out of range");
	else if (!EC_POINT_mul(
		     ec.group, ec.point, ec.secret, NULL, NULL, ec.context) ||
	    EC_POINT_point2oct(ec.group, ec.point,
		POINT_CONVERSION_UNCOMPRESSED, point, CLV_POINT_MAX,
		ec.context) != key->kind->point_size)
		status = failed(err);
	else if (!point_fits(&ec, key))
		status = corrupt(
		    err, "the EC key's public key is not its private key's");
	else
		key->point = (struct clv_span){point, key->kind->point_size};
	ec_unload(&ec);
	return status;
}

static clv_status
check_ed(struct clv_private_key *key, uint8_t *point, clv_error **err)
{
	const char *name = clv_algorithm_describe(key->algorithm)->openssl;
	EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key_ex(clv_crypto_context(),
	    name, NULL, key->secret.data, key->secret.size);
	struct clv_span found = {point, CLV_POINT_MAX};
	clv_status status = CLV_OK;

	if (pkey == NULL ||
	    EVP_PKEY_get_raw_public_key(pkey, point, &found.size) != 1)
		status = failed(err);
	else if (key->point.size > 0 && !clv_span_equal(key->point, found))
		status = corrupt(
		    err, "the EdDSA key's public key is not its private key's");
	else
		key->point = found;
	EVP_PKEY_free(pkey);
	return status;
}

clv_status
clv_private_key_check(
    struct clv_private_key *key, uint8_t point[CLV_POINT_MAX], clv_error **err)
{
	clv_status status = CLV_NO_MEMORY;

	(void)ERR_set_mark();
	if (clv_crypto_context() == NULL)
		status = failed(err);
	else if (key->kind->family == CLV_FAMILY_RSA)
		status = check_rsa(key, err);
	else if (key->kind->family == CLV_FAMILY_EC)
		status = check_ec(key, point, err);
	else
		status = check_ed(key, point, err);
	(void)ERR_pop_to_mark();
	return status;
}
