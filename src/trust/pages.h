/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * An array in pages that copies of it share until one of them writes: a copy
 * of 100,000 elements costs as much as a few hundred pointers, and a change
 * one page.
 */
#ifndef CLV_TRUST_PAGES_H
#define CLV_TRUST_PAGES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct clv_page {
	atomic_size_t references;
	_Alignas(max_align_t) unsigned char elements[];
};

/* What the elements of an array are. */
struct clv_page_kind {
	size_t size;    /* of an element */
	unsigned shift; /* a page has 1 << shift of them */
	/* The byte that fills new pages. */
	unsigned char vacant;
	/* An element is held by one more page, by one less; or NULL. */
	void (*keep)(void *element);
	void (*drop)(void *element);
};

struct clv_pages {
	struct clv_page **pages;
	size_t count; /* of pages */
	size_t space;
};

static inline const void *
clv_pages_at(const struct clv_pages *array, const struct clv_page_kind *kind,
    size_t index)
{
	const struct clv_page *page = array->pages[index >> kind->shift];

	return page->elements +
	    (index & (((size_t)1 << kind->shift) - 1)) * kind->size;
}

/* An element to write to; NULL if there is no memory for a page of its own. */
void *clv_pages_own(
    struct clv_pages *array, const struct clv_page_kind *kind, size_t index);

/* Makes room for `count` elements. */
bool clv_pages_fit(
    struct clv_pages *array, const struct clv_page_kind *kind, size_t count);

/* Makes `to`, which is empty, a copy. */
bool clv_pages_share(struct clv_pages *to, const struct clv_pages *from);

void clv_pages_clear(struct clv_pages *array, const struct clv_page_kind *kind);

#endif
