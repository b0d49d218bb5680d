# smtpscope: one non-recursive GNU makefile. `make help` lists the targets.
# build/<variant>/ holds objects; VARIANT=plain|san|asan|ubsan|clang|coverage live side by side. `make check` builds two:
# plain is gcc; san is clang with both sanitizers and what libFuzzer wants, for tests and fuzzers alike.
MAKEFLAGS += --no-builtin-rules
SHELL := /bin/sh

# V=1 shows whole commands; else a line each.
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-4s %s\n' '$1' '$2')

VERSION := 0.1.0
PREFIX  ?= /usr/local
VARIANT ?= plain
ifeq ($(VARIANT),fuzz)
override VARIANT := san
endif
B       := build/$(VARIANT)

# The floors, lowest first (doc/architecture.md). MODULES may be narrowed while one of them is in work.
MODULES ?= base journal loop smtp pop3 imap museum scenario net dns sasl store mail engine auth decode recording client mock report console ui cli

ifeq ($(origin CC),default)
CC := gcc
endif
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Wswitch-enum \
        -Wundef -Wpointer-arith -Werror
# libunbound by its name: its .pc asks for the development files of libraries that only its static form needs.
PKGS := libuv libgsasl jansson libidn2 openssl readline ncursesw
# GMime is loaded when the first message is looked at (src/mail/mail_private.h): its headers are all that building needs.
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) gmime-3.0 2>/dev/null)
PKG_LIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null)
OPT_plain := -O2 -g
OPT_asan  := -O1 -g -fsanitize=address -fno-omit-frame-pointer
OPT_san   := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
OPT_ubsan := -O1 -g -fsanitize=undefined -fno-sanitize-recover=all -Wno-format-truncation
OPT_clang := -O1 -g
OPT_coverage := -O0 -g --coverage
ifneq ($(filter $(VARIANT),san clang),)
CC := clang
endif
OPT := $(OPT_$(VARIANT))
CPPFLAGS += -D_GNU_SOURCE -DSMTPSCOPE_VERSION='"$(VERSION)"' -Iinclude -Isrc -Iui -I$(B)/gen
CFLAGS   += -std=c11 $(OPT) $(WARN) $(PKG_CFLAGS) -fstack-protector-strong
LDFLAGS  += $(filter -fsanitize=% --coverage,$(OPT)) -Wl,--as-needed
LIBS     := $(PKG_LIBS) -lunbound -lutil

module_src = $(if $(filter ui,$1),$(wildcard ui/*.c),$(wildcard src/$1/*.c))
LIB_SRC  := $(filter-out src/cli/main.c,$(foreach m,$(MODULES),$(call module_src,$(m))))
LIB_OBJ  := $(LIB_SRC:%.c=$(B)/obj/%.o)
MAIN_OBJ := $(B)/obj/src/cli/main.o

# Knowledge tables: src/<module>/NAME.tsv becomes build/<variant>/gen/<module>/NAME.inc, one C initialiser a row.
TSV := $(foreach m,$(MODULES),$(wildcard src/$(m)/*.tsv))
INC := $(TSV:src/%.tsv=$(B)/gen/%.inc)

# The scenarios that come with the program: doc/scenarios/NAME.scn, one initialiser each.
SCENARIOS := $(sort $(wildcard doc/scenarios/*.scn))
INC += $(B)/gen/scenario/scenarios.inc

.PHONY: all
all: $(B)/smtpscope
	@mkdir -p build && ln -sfn $(patsubst build/%,%,$(B))/smtpscope build/smtpscope

$(B)/smtpscope: $(MAIN_OBJ) $(B)/libsmtpscope.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(MAIN_OBJ) $(B)/libsmtpscope.a $(LIBS)

$(B)/libsmtpscope.a: $(LIB_OBJ)
	@rm -f $@
	$(call say,AR,$@)
	$(Q)ar rcs $@ $(LIB_OBJ)

$(B)/obj/%.o: %.c | $(INC)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/gen/%.inc: src/%.tsv src/base/tsv2inc.awk
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q)awk -F '\t' -f src/base/tsv2inc.awk $< > $@.tmp && mv $@.tmp $@

$(B)/gen/scenario/scenarios.inc: src/scenario/scn2inc.awk $(SCENARIOS)
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q)awk -f src/scenario/scn2inc.awk $(SCENARIOS) > $@.tmp && mv $@.tmp $@

# Tests: one program for each tests/<suite>/**/test_*.c, linked with what stands in tests/lib.
TEST_LIB_SRC := $(wildcard tests/lib/*.c)
TEST_LIB_OBJ := $(TEST_LIB_SRC:%.c=$(B)/obj/%.o)
TEST_LIBS := $(shell pkg-config --libs cmocka vterm 2>/dev/null)
TEST_SRC := $(wildcard tests/unit/*/test_*.c tests/engine/test_*.c tests/system/test_*.c tests/screen/test_*.c)
TEST_BIN := $(TEST_SRC:tests/%.c=$(B)/tests/%)

# There are many test programs, each run once or twice: compiled and linked by what is quickest at that.
$(B)/obj/tests/%.o: CFLAGS += $(if $(filter plain,$(VARIANT)),-O1,-O0)
TEST_LD := $(if $(filter plain,$(VARIANT)),gold,lld)
TEST_LDFLAGS := $(if $(shell command -v ld.$(TEST_LD)),-fuse-ld=$(TEST_LD))

$(B)/tests/%: $(B)/obj/tests/%.o $(TEST_LIB_OBJ) $(B)/libsmtpscope.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) $(TEST_LDFLAGS) -o $@ $< $(TEST_LIB_OBJ) $(B)/libsmtpscope.a $(LIBS) $(TEST_LIBS)

# make unit-smtp: build and run the unit tests of one module.
unit-%:
	@$(MAKE) --no-print-directory $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/unit/$*/test_*.c))
	@for t in $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/unit/$*/test_*.c)); do echo "== $$t"; $$t || exit 1; done

# make run and make check work alone on a fresh machine: what is missing is installed first, then make starts anew,
# because pkg-config had nothing to say when this file was read.
.PHONY: run demo deps check check-unit check-system check-screen check-variants check-fuzz fuzz interop bench lint format doc \
        install uninstall dist help
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
SUB := $(MAKE) --no-print-directory -j$(JOBS)

run: ## build what is missing and open the console on the practice server
	@sh .ci/deps.sh install build
	@$(SUB) all
	@./build/smtpscope $(ARGS)

demo: ## send a message to the practice server and print what happened
	@sh .ci/deps.sh install build
	@$(SUB) all
	@./build/smtpscope send --from ann@example.net --to bob@example.test practice

deps: ## install what building and testing need, with the system's package manager
	@sh .ci/deps.sh install check

check: ## every test, under gcc, clang and the sanitizers, with a bounded run of each fuzzer
	@sh .ci/deps.sh install check
	@sh tests/check.sh $(JOBS)

# The pieces of `make check`, each alone. VARIANT chooses the build.
UNIT_BIN   := $(filter $(B)/tests/unit/% $(B)/tests/engine/%,$(TEST_BIN))
SYSTEM_BIN := $(filter $(B)/tests/system/%,$(TEST_BIN))
SCREEN_BIN := $(filter $(B)/tests/screen/%,$(TEST_BIN))
WAITING_JOBS := $(shell expr 2 '*' $(JOBS)) # these mostly wait for another process

check-unit: $(UNIT_BIN) ## unit and engine tests
	@tests/run.sh $(B)/log $(JOBS) $(UNIT_BIN)

check-system: all $(SYSTEM_BIN) ## against real peers on loopback (tests/peers.sh unpacks them under build/peers)
	@sh tests/peers.sh
	@SMTPSCOPE=$(CURDIR)/$(B)/smtpscope tests/run.sh $(B)/log $(WAITING_JOBS) $(SYSTEM_BIN)

check-screen: all $(SCREEN_BIN) ## the real program under a pseudo-terminal
	@SMTPSCOPE=$(CURDIR)/$(B)/smtpscope tests/run.sh $(B)/log $(WAITING_JOBS) $(SCREEN_BIN)

# Fuzzers: one program for each tests/fuzz/fuzz_*.c; they need VARIANT=san.
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_BIN := $(FUZZ_SRC:tests/fuzz/%.c=$(B)/fuzz/%)
FUZZ_S   ?= 5
$(B)/fuzz/%: $(B)/obj/tests/fuzz/%.o $(B)/libsmtpscope.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) $(TEST_LDFLAGS) -fsanitize=fuzzer -o $@ $< $(B)/libsmtpscope.a $(LIBS)
fuzzers: $(FUZZ_BIN)
check-fuzz:
	@$(SUB) VARIANT=san fuzzers
	@sh tests/fuzz.sh build/san/fuzz $(FUZZ_S) $(JOBS)
fuzz: ## run each fuzzer for FUZZ_S seconds (make fuzz FUZZ_S=3600)
	@$(SUB) check-fuzz FUZZ_S=$(if $(filter command line,$(origin FUZZ_S)),$(FUZZ_S),600)

interop: all $(B)/tests/system/test_interop $(B)/tests/system/test_interop_reading ## the client against Postfix, Exim, OpenSMTPD, Dovecot, Cyrus; writes doc/interop.md
	@sh tests/peers.sh
	@for part in '' _reading; do \
	    SMTPSCOPE=$(CURDIR)/$(B)/smtpscope INTEROP_DOC=$(CURDIR)/doc/interop.md $(B)/tests/system/test_interop$$part || exit 1; done

bench: all $(B)/tests/screen/test_budget ## measure against curl, swaks, smtp-sink, smtp-source and pagers in one run
	@sh tests/peers.sh
	@SMTPSCOPE=$(CURDIR)/$(B)/smtpscope sh tests/bench/bench.sh

lint: ## floors, banned functions, sizes, cppcheck
	@sh tests/lint.sh
	@if command -v cppcheck >/dev/null; then mkdir -p build/cppcheck && \
	    cppcheck -q --std=c11 --cppcheck-build-dir=build/cppcheck --error-exitcode=1 --inline-suppr -j $(JOBS) \
	    --enable=warning,portability,performance --suppress=missingIncludeSystem --suppress=normalCheckLevelMaxBranches \
	    --suppress=unknownMacro -Iinclude -Isrc -Iui -D_GNU_SOURCE src ui; fi

format: ## clang-format everything
	clang-format -i $$(git ls-files 'src/*.[ch]' 'ui/*.[ch]' 'include/*.h' 'tests/*.[ch]')

doc: all ## write the pages that come from tables: man page, commands, keys, events, deviations
	@./build/smtpscope help --generate doc
	@sh tests/screens.sh >doc/screens.md

MAN1DIR = $(DESTDIR)$(PREFIX)/share/man/man1
install: all ## into DESTDIR and PREFIX
	install -D -m 755 $(B)/smtpscope $(DESTDIR)$(PREFIX)/bin/smtpscope
	install -D -m 644 doc/smtpscope.1 $(MAN1DIR)/smtpscope.1
uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/smtpscope $(MAN1DIR)/smtpscope.1

dist: ## build/smtpscope-VERSION.tar.gz of what is committed
	@mkdir -p build
	git archive --format=tar.gz --prefix=smtpscope-$(VERSION)/ -o build/smtpscope-$(VERSION).tar.gz HEAD

clean: ## remove build/
	rm -rf build

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-20s %s\n", $$1, $$2 }'

.SECONDARY:
-include $(LIB_OBJ:.o=.d) $(MAIN_OBJ:.o=.d) $(TEST_LIB_OBJ:.o=.d) $(TEST_SRC:%.c=$(B)/obj/%.d) $(FUZZ_SRC:%.c=$(B)/obj/%.d)
