# smtpscope: one non-recursive GNU makefile. `make help` lists the targets.
# build/<variant>/ holds objects; VARIANT=plain|asan|ubsan|clang|fuzz|coverage live side by side.
MAKEFLAGS += --no-builtin-rules
SHELL := /bin/sh

VERSION := 0.1.0
PREFIX  ?= /usr/local
VARIANT ?= plain
B       := build/$(VARIANT)

# The floors, lowest first (doc/architecture.md). MODULES may be narrowed while one of them is in work.
MODULES ?= base journal loop smtp net dns sasl engine decode recording client mock console ui cli

ifeq ($(origin CC),default)
CC := gcc
endif
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Wswitch-enum \
        -Wundef -Wpointer-arith -Werror
PKGS := libuv libunbound libgsasl jansson libidn2 openssl readline ncursesw
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null)
OPT_plain := -O2 -g
OPT_asan  := -O1 -g -fsanitize=address -fno-omit-frame-pointer
OPT_ubsan := -O1 -g -fsanitize=undefined -fno-sanitize-recover=all
OPT_clang := -O1 -g
OPT_coverage := -O0 -g --coverage
OPT_fuzz  := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
ifeq ($(VARIANT),clang)
CC := clang
endif
ifeq ($(VARIANT),fuzz)
CC := clang
endif
OPT := $(OPT_$(VARIANT))
CPPFLAGS += -D_GNU_SOURCE -DSMTPSCOPE_VERSION='"$(VERSION)"' -Iinclude -Isrc -Iui -I$(B)/gen
CFLAGS   += -std=c11 $(OPT) $(WARN) $(PKG_CFLAGS) -fstack-protector-strong
LDFLAGS  += $(filter -fsanitize=% --coverage,$(OPT)) -Wl,--as-needed
LIBS     := $(PKG_LIBS) -lutil

module_src = $(if $(filter ui,$1),$(wildcard ui/*.c),$(wildcard src/$1/*.c))
LIB_SRC  := $(filter-out src/cli/main.c,$(foreach m,$(MODULES),$(call module_src,$(m))))
LIB_OBJ  := $(LIB_SRC:%.c=$(B)/obj/%.o)
MAIN_OBJ := $(B)/obj/src/cli/main.o

# Knowledge tables: src/<module>/NAME.tsv becomes build/<variant>/gen/<module>/NAME.inc, one C initialiser a row.
TSV := $(foreach m,$(MODULES),$(wildcard src/$(m)/*.tsv))
INC := $(TSV:src/%.tsv=$(B)/gen/%.inc)

.PHONY: all
all: build/smtpscope

build/smtpscope: $(B)/smtpscope
	@mkdir -p build && ln -sf $(VARIANT)/smtpscope build/smtpscope

$(B)/smtpscope: $(MAIN_OBJ) $(B)/libsmtpscope.a
	$(CC) $(LDFLAGS) -o $@ $(MAIN_OBJ) $(B)/libsmtpscope.a $(LIBS)

$(B)/libsmtpscope.a: $(LIB_OBJ)
	@rm -f $@
	ar rcs $@ $(LIB_OBJ)

$(B)/obj/%.o: %.c | $(INC)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/gen/%.inc: src/%.tsv
	@mkdir -p $(@D)
	awk -F '\t' -f src/base/tsv2inc.awk $< > $@.tmp && mv $@.tmp $@

# Tests: one program for each tests/<suite>/**/test_*.c, linked with what stands in tests/lib.
TEST_LIB_SRC := $(wildcard tests/lib/*.c)
TEST_LIB_OBJ := $(TEST_LIB_SRC:%.c=$(B)/obj/%.o)
TEST_LIBS := $(shell pkg-config --libs cmocka vterm 2>/dev/null)
TEST_SRC := $(wildcard tests/unit/*/test_*.c tests/engine/test_*.c tests/system/test_*.c tests/screen/test_*.c)
TEST_BIN := $(TEST_SRC:tests/%.c=$(B)/tests/%)

$(B)/tests/%: $(B)/obj/tests/%.o $(TEST_LIB_OBJ) $(B)/libsmtpscope.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $< $(TEST_LIB_OBJ) $(B)/libsmtpscope.a $(LIBS) $(TEST_LIBS)

# make unit-smtp: build and run the unit tests of one module.
unit-%:
	@$(MAKE) --no-print-directory $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/unit/$*/test_*.c))
	@for t in $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/unit/$*/test_*.c)); do echo "== $$t"; $$t || exit 1; done

.PHONY: clean
clean:
	rm -rf build

.SECONDARY:
-include $(LIB_OBJ:.o=.d) $(MAIN_OBJ:.o=.d) $(TEST_LIB_OBJ:.o=.d) $(TEST_SRC:%.c=$(B)/obj/%.d)
