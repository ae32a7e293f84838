/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "trust/pages.h"

#include <stdlib.h>
#include <string.h>

static size_t
page_bytes(const struct clv_page_kind *kind)
{
	return kind->size << kind->shift;
}

static struct clv_page *
page_new(const struct clv_page_kind *kind)
{
	struct clv_page *page = malloc(sizeof(*page) + page_bytes(kind));

	if (page != NULL)
		atomic_init(&page->references, 1);
	return page;
}

static void
page_drop(struct clv_page *page, const struct clv_page_kind *kind)
{
	if (atomic_fetch_sub_explicit(
		&page->references, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; kind->drop != NULL && i >> kind->shift == 0; i++)
		kind->drop(page->elements + i * kind->size);
	free(page);
}

/* A page of one's own with the same elements. */
static struct clv_page *
page_copy(const struct clv_page *from, const struct clv_page_kind *kind)
{
	struct clv_page *page = page_new(kind);

	if (page == NULL)
		return NULL;
	memcpy(page->elements, from->elements, page_bytes(kind));
	for (size_t i = 0; kind->keep != NULL && i >> kind->shift == 0; i++)
		kind->keep(page->elements + i * kind->size);
	return page;
}

void *
clv_pages_own(
    struct clv_pages *array, const struct clv_page_kind *kind, size_t index)
{
	struct clv_page **place = &array->pages[index >> kind->shift];

	/* Whoever else holds it only reads, and can only let go of it. */
	if (atomic_load_explicit(&(*place)->references, memory_order_acquire) !=
	    1) {
		struct clv_page *page = page_copy(*place, kind);

		if (page == NULL)
			return NULL;
		page_drop(*place, kind);
		*place = page;
	}
	return (*place)->elements +
	    (index & (((size_t)1 << kind->shift) - 1)) * kind->size;
}

static bool
fit_pointers(struct clv_pages *array, size_t count)
{
	const size_t space = count + count / 2;
	struct clv_page **pages;

	if (count <= array->space)
		return true;
	pages = reallocarray(array->pages, space, sizeof(struct clv_page *));
	if (pages == NULL)
		return false;
	array->pages = pages;
	array->space = space;
	return true;
}

bool
clv_pages_fit(
    struct clv_pages *array, const struct clv_page_kind *kind, size_t count)
{
	const size_t page_size = (size_t)1 << kind->shift;
	const size_t pages = (count + page_size - 1) >> kind->shift;

	if (!fit_pointers(array, pages))
		return false;
	while (array->count < pages) {
		struct clv_page *page = page_new(kind);

		if (page == NULL)
			return false;
		memset(page->elements, kind->vacant, page_bytes(kind));
		array->pages[array->count++] = page;
	}
	return true;
}

bool
clv_pages_share(struct clv_pages *to, const struct clv_pages *from)
{
	if (!fit_pointers(to, from->count + 1))
		return false;
	for (size_t i = 0; i < from->count; i++) {
		atomic_fetch_add_explicit(
		    &from->pages[i]->references, 1, memory_order_relaxed);
		to->pages[i] = from->pages[i];
	}
	to->count = from->count;
	return true;
}

void
clv_pages_clear(struct clv_pages *array, const struct clv_page_kind *kind)
{
	for (size_t i = 0; i < array->count; i++)
		page_drop(array->pages[i], kind);
	free(array->pages);
	*array = (struct clv_pages){NULL, 0, 0};
}
