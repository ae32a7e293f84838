/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "rules.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct rule rules[RULES_MAX];
static _Atomic int rule_count; /* read without the lock to see whether any */

static const struct {
	const char *word;
	enum rule_action action;
} actions[] = {
    {"fault", RULE_FAULT},
    {"hang", RULE_HANG},
    {"delay", RULE_DELAY},
    {"pretend", RULE_PRETEND},
    {"pull", RULE_PULL},
    {"blink", RULE_BLINK},
    {"length", RULE_LENGTH},
    {"corrupt", RULE_CORRUPT},
};

static bool
find_action(const char *word, enum rule_action *action)
{
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (strcmp(actions[i].word, word) == 0) {
			*action = actions[i].action;
			return true;
		}
	return false;
}

static bool
parse_microseconds(const char *word, double unit, CK_ULONG *value)
{
	char *end;
	const double number = strtod(word, &end);

	if (end == word || *end != '\0' || number < 0 || number > 1e9)
		return false;
	*value = (CK_ULONG)(number * unit);
	return true;
}

/* +N and -N are differences, =N is the length itself. */
static bool
parse_length(const char *word, struct rule *rule)
{
	char *end;

	rule->relative = *word != '=';
	if (strchr("+-=", *word) == NULL)
		return false;
	rule->value = (CK_ULONG)strtoll(word + !rule->relative, &end, 0);
	return *end == '\0' && end > word + 1;
}

/* The word behind the function, where the action has one. */
static const char *
parse_value(char ***word, struct rule *rule)
{
	const char *text = **word;

	switch (rule->action) {
	case RULE_FAULT:
		if (text == NULL || !name_value("CKR_", text, &rule->value))
			return "fault needs a CKR_ name or number";
		break;
	case RULE_DELAY:
		if (text == NULL || !parse_microseconds(text, 1, &rule->value))
			return "delay needs microseconds";
		break;
	case RULE_HANG:
		if (text == NULL ||
		    !parse_microseconds(text, 1e6, &rule->value))
			return NULL; /* without limit */
		break;
	case RULE_LENGTH:
		if (text == NULL || !parse_length(text, rule))
			return "length needs +N, -N or =N";
		break;
	default:
		return NULL;
	}
	++*word;
	return NULL;
}

static const char *
parse_when(char ***word, struct rule *rule)
{
	static const char *const names[] = {"at", "every", "first", "after"};
	char *end;

	for (unsigned i = 0; i < 4; i++) {
		if (strcmp(**word, names[i]) != 0)
			continue;
		if (*++*word == NULL)
			return "a number is missing after at, every, first or "
			       "after";
		rule->when = i;
		rule->number = strtoull(**word, &end, 10);
		if (*end != '\0' || (rule->number == 0 && i != RULE_AFTER))
			return "the number of a call counts from 1";
		return NULL;
	}
	return "unknown word: expected at, every, first, after, late or "
	       "CKA_...";
}

static const char *
parse_rule(char **words, struct rule *rule)
{
	const char *problem;
	char **word = words + 1;

	if (*word == NULL)
		return "a function is missing, such as C_Sign, or *";
	rule->function = name_function(*word);
	if (rule->function < 0 && strcmp(*word, "*") != 0)
		return "no such function";
	word++;
	if ((problem = parse_value(&word, rule)) != NULL)
		return problem;
	for (; *word != NULL; word++) {
		if (strcmp(*word, "late") == 0) {
			rule->late = true;
		} else if (strncmp(*word, "CKA_", 4) == 0) {
			if (!name_value("CKA_", *word, &rule->attribute))
				return "no such attribute";
			rule->one_attribute = true;
		} else if ((problem = parse_when(&word, rule)) != NULL) {
			return problem;
		}
	}
	return NULL;
}

bool
rules_add(char **words, const char **problem)
{
	struct rule rule = {.when = RULE_EVERY, .number = 1};

	if (!find_action(words[0], &rule.action))
		return false;
	if ((*problem = parse_rule(words, &rule)) != NULL)
		return true;

	pthread_mutex_lock(&lock);
	if (rule_count < RULES_MAX)
		rules[rule_count++] = rule;
	else
		*problem = "too many rules; `clear` removes them";
	pthread_mutex_unlock(&lock);
	return true;
}

void
rules_clear(void)
{
	pthread_mutex_lock(&lock);
	rule_count = 0;
	pthread_mutex_unlock(&lock);
}

static bool
is_met(struct rule *rule)
{
	const uint64_t n = ++rule->seen;

	switch (rule->when) {
	case RULE_AT:
		return n == rule->number;
	case RULE_FIRST:
		return n <= rule->number;
	case RULE_AFTER:
		return n > rule->number;
	default:
		return n % rule->number == 0;
	}
}

void
rules_match(const struct call *call, struct plan *plan)
{
	plan->count = 0;
	if (rule_count == 0)
		return;
	pthread_mutex_lock(&lock);
	for (int i = 0; i < rule_count; i++) {
		struct rule *rule = &rules[i];

		if ((rule->function < 0 || rule->function == call->function) &&
		    is_met(rule) && plan->count < PLAN_MAX)
			plan->rules[plan->count++] = *rule;
	}
	pthread_mutex_unlock(&lock);
}

static void
change_length(const struct rule *rule, CK_ULONG *length)
{
	*length = rule->relative ? *length + rule->value : rule->value;
}

static void
flip_bit(void *bytes, size_t size)
{
	if (bytes != NULL && size > 0)
		((unsigned char *)bytes)[size / 2] ^= 0x10;
}

static void
lie_about_attributes(const struct rule *rule, const struct call *call)
{
	for (CK_ULONG i = 0; i < call->attribute_count; i++) {
		CK_ATTRIBUTE *attribute = &call->attributes[i];

		if (rule->one_attribute && rule->attribute != attribute->type)
			continue;
		if (rule->action == RULE_LENGTH)
			change_length(rule, &attribute->ulValueLen);
		else if (attribute->ulValueLen != CK_UNAVAILABLE_INFORMATION)
			flip_bit(attribute->pValue, attribute->ulValueLen);
	}
}

static void
lie(const struct rule *rule, const struct call *call)
{
	if (call->attributes != NULL)
		lie_about_attributes(rule, call);
	else if (rule->action == RULE_CORRUPT)
		flip_bit(call->output,
		    call->length != NULL ? *call->length * call->unit
					 : call->unit);
	else if (call->length != NULL)
		change_length(rule, call->length);
}

void
rules_lie(const struct plan *plan, const struct call *call)
{
	/* Contents first: a length may be a lie already when they are next. */
	for (int i = 0; i < plan->count; i++)
		if (plan->rules[i].action == RULE_CORRUPT)
			lie(&plan->rules[i], call);
	for (int i = 0; i < plan->count; i++)
		if (plan->rules[i].action == RULE_LENGTH)
			lie(&plan->rules[i], call);
}

void
rules_renew_in_child(void)
{
	lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
}
