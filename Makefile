# pmemckpt: everything lands in $(BUILD). `make help` says what there is.
BUILD ?= build
PREFIX ?= /usr/local
SYSTEM_SBIN ?= /sbin
CXX ?= g++
VERSION := 0.1.0
ABI := 1

PACKAGES := g++ make pkg-config libpmem2-dev libndctl-dev libdaxctl-dev libfuse3-dev fuse3 libcmocka-dev \
            libexpected-dev libfmt-dev libcli11-dev libtomlplusplus-dev nlohmann-json3-dev libisal-dev \
            libsodium-dev libseccomp-dev libsystemd-dev libibverbs-dev librdmacm-dev ibverbs-providers \
            attr procps util-linux iproute2 mandoc jq
# What the tests and the demo need to be there at all; `make deps` installs it when one is missing.
NEEDED_FILES := /usr/include/libpmem2.h /usr/include/ndctl/libndctl.h /usr/include/daxctl/libdaxctl.h \
                /usr/include/fuse3/fuse_lowlevel.h /usr/include/cmocka.h \
                /usr/include/tl/expected.hpp /usr/include/fmt/core.h /usr/include/CLI/CLI.hpp \
                /usr/include/toml++/toml.h /usr/include/nlohmann/json.hpp /usr/include/isa-l/crc.h \
                /usr/include/sodium.h /usr/include/seccomp.h /usr/include/systemd/sd-daemon.h /usr/include/rdma/rdma_cma.h /usr/bin/fusermount3 \
                /usr/bin/getfattr /usr/bin/mandoc /usr/bin/jq /usr/bin/pkg-config

OPTIMIZE := -O2
ifdef DEBUG
OPTIMIZE := -O0 -g3
endif
ifdef SANITIZE
OPTIMIZE := -O1 -g1
SANITIZE_FLAGS := -fsanitize=$(SANITIZE) -fno-omit-frame-pointer
ifneq ($(BUILD_SET),1)
comma := ,
override BUILD := build-$(subst $(comma),-,$(SANITIZE))
endif
endif

# FUZZ=1: by clang, for libFuzzer, into a folder of its own. What is no error of the program there is one here.
CLANG := clang++-14
FUZZ_SANITIZERS := address,undefined
ifdef FUZZ
OPTIMIZE := -O1 -g1
CXX := $(CLANG)
SANITIZE_FLAGS := -fsanitize=$(FUZZ_SANITIZERS) -fno-sanitize-recover=all -fno-omit-frame-pointer
FUZZ_COMPILE := -fsanitize=fuzzer-no-link
override BUILD := build-fuzz
endif

CROSS_SYSTEMS := s390x armhf
CROSS_TARGET_s390x := s390x-linux-gnu
CROSS_TARGET_armhf := arm-linux-gnueabihf

WARNINGS := -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wconversion -Wno-sign-conversion -Werror
CPPFLAGS += -I. -Ilib/include -D_GNU_SOURCE -DFUSE_USE_VERSION=314 -DPMEMCKPT_VERSION='"$(VERSION)"' \
            -isystem /usr/include/fuse3
CXXFLAGS += -std=c++20 $(OPTIMIZE) $(SANITIZE_FLAGS) $(FUZZ_COMPILE) $(WARNINGS) -fPIC -fvisibility=hidden -pthread
LDFLAGS += $(SANITIZE_FLAGS) -pthread
SYNC_LIBRARIES := -lsodium $(if $(CROSS),,-lfmt)
LIBRARIES := -lpmem2 -lndctl -ldaxctl -lrdmacm -libverbs -lisal -lsodium -lfmt

# CROSS=s390x, CROSS=armhf: what other systems need of pmemckpt, sync points, built for one of them; static.
ifdef CROSS
CROSS_TARGET := $(or $(CROSS_TARGET_$(CROSS)),$(error CROSS=$(CROSS): s390x or armhf))
CXX := $(CROSS_TARGET)-g++
override BUILD := build-$(CROSS)
SYSROOT := $(shell tests/cross/prepare $(CROSS))
CPPFLAGS := $(subst -isystem /usr/include/fuse3,-isystem $(SYSROOT)/usr/include,$(CPPFLAGS))
CPPFLAGS += -DFMT_HEADER_ONLY -D_FILE_OFFSET_BITS=64
WARNINGS += -Wno-psabi
LDFLAGS += -static -L$(SYSROOT)/usr/lib/$(CROSS_TARGET)
endif

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' '$(1)' '$(2)')

# What programs give up of their rights: no library's business.
CONFINE_SOURCES := $(wildcard lib/confine/*.cc)
LIB_SOURCES := $(filter-out $(CONFINE_SOURCES),$(wildcard lib/*/*.cc lib/*/*/*.cc))
# Sync points need neither RDMA nor persistent memory: they have a library of their own.
SYNC_SOURCES := $(wildcard lib/wire/*.cc lib/sync/*.cc) \
                $(addprefix lib/base/,address.cc address_file.cc c_api.cc exit_status.cc keys.cc last_words.cc log.cc result.cc socket_address.cc tcp_socket.cc units.cc usage_error.cc uuid.cc)
CLIENT_SOURCES := $(filter-out lib/sync/%,$(LIB_SOURCES))
DRIVER_SOURCES := $(filter-out driver/main.cc,$(wildcard driver/*.cc))
FUSE_SOURCES := $(filter-out fuse/main.cc,$(wildcard fuse/*.cc))
CTL_SOURCES := $(wildcard utils/pmemckpt-ctl/*.cc)
FILED_SOURCES := $(filter-out utils/pmemckpt-filed/main.cc,$(wildcard utils/pmemckpt-filed/*.cc))
SUPPORT_SOURCES := $(wildcard tests/support/*.cc)
CRASH_SOURCES := $(filter-out tests/crash/main.cc,$(wildcard tests/crash/*.cc))
UNIT_TESTS := $(patsubst tests/unit/%.cc,$(BUILD)/tests/unit/%,$(wildcard tests/unit/*_test.cc))
TOOLS := $(patsubst tests/tools/%.cc,$(BUILD)/tests/tools/%,$(wildcard tests/tools/*.cc))
VM_UNIT_TESTS := $(addprefix $(BUILD)/tests/unit/,engine_pair_test engine_serve_test engine_flush_test engine_windows_test \
                 verbs_hostile_test verbs_attacks_test windows_test takeover_test rights_test principals_test)
FAILING_CALLS := $(BUILD)/tests/fault/failing_calls.so
PAIR_SOURCES := $(wildcard utils/examples/process_pair/*.cc)
LEDGER_SOURCES := $(wildcard utils/examples/ledger_batch/*.cc)
SOAK_SOURCES := $(wildcard tests/soak/*.cc)
UNITS := pmemckptd.service pmemckpt-filed.service
HOSTILE_SOURCES := $(wildcard tests/hostile/*.cc)
FUZZ_TARGETS := $(patsubst tests/fuzz/%_target.cc,%,$(wildcard tests/fuzz/*_target.cc))
FUZZ_SOURCES := $(filter-out %_target.cc tests/fuzz/libfuzzer.cc,$(wildcard tests/fuzz/*.cc)) \
                $(addprefix tests/support/,check.cc hostile_peer.cc pool_images.cc recording_medium.cc)
MAN_PAGES := $(wildcard man/*.[1-8])

objects = $(patsubst %.cc,$(BUILD)/object/%.o,$(1))
LIB := $(BUILD)/libpmemckpt_all.a
CONFINE := $(BUILD)/libconfine.a
DRIVER := $(BUILD)/libdriver.a
FUSE := $(BUILD)/libfuse_view.a
FILED := $(BUILD)/libfiled.a
SUPPORT := $(BUILD)/libsupport.a
CRASH := $(BUILD)/libcrash.a
SHARED := $(BUILD)/lib/libpmemckpt.so.$(ABI)
SYNC := $(BUILD)/lib/libpmemckpt-sync.a
SYNC_SHARED := $(BUILD)/lib/libpmemckpt-sync.so.$(ABI)
PROGRAMS := $(BUILD)/bin/pmemckptd $(BUILD)/bin/mount.pmemckpt $(BUILD)/bin/pmemckpt-ctl $(BUILD)/bin/pmemckpt-filed
EXAMPLES := $(BUILD)/examples/heat $(BUILD)/examples/process_pair $(BUILD)/examples/ledger_batch

.PHONY: all demo demo-failover demo-sync check check-hostile check-crash vm check-vm vm-shell bench-vm soak \
        check-trixie lint install uninstall deps packages needed clean help unit-tests guest-tests cross-programs \
        check-hostile-media media-tests check-hostile-sync sync-tests fuzz
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:

all: $(PROGRAMS) $(SHARED) $(SYNC) $(SYNC_SHARED) $(EXAMPLES)

# Bytes are moved by lib/. What the programs have of their own is options, configuration and JSON:
# large templates, which run once a start or a request.
$(foreach folder,driver fuse utils tests,$(BUILD)/object/$(folder)/%.o): private OPTIMIZE := $(OPTIMIZE:-O2=-O1)

# For fuzzing, what looks at each word of a journal half.
$(patsubst %,build-fuzz/object/lib/%.o,pool/journal_scan format/record base/crc32c): private OPTIMIZE := -O2 -g1

# RDMA FLUSH came with rdma-core 46.
RDMA_FEATURES = $(eval RDMA_FEATURES := $(shell pkg-config --atleast-version=1.14.46 libibverbs && echo -DHAVE_RDMA_FLUSH))$(RDMA_FEATURES)
$(BUILD)/object/lib/rdma/verbs/%.o: private CPPFLAGS += $(RDMA_FEATURES)

$(BUILD)/object/%.o: %.cc
	@mkdir -p $(@D)
	$(call say,CXX,$<)
	$(Q)$(CXX) $(CPPFLAGS) $(CXXFLAGS) -MMD -MP -c $< -o $@

define archive
$(1): $(call objects,$(2)) Makefile
	@mkdir -p $$(@D)
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && ar rcs $$@ $$(filter %.o,$$^)
endef
$(eval $(call archive,$(LIB),$(LIB_SOURCES)))
$(eval $(call archive,$(SYNC),$(SYNC_SOURCES)))
$(eval $(call archive,$(CONFINE),$(CONFINE_SOURCES)))
$(eval $(call archive,$(DRIVER),$(DRIVER_SOURCES)))
$(eval $(call archive,$(FUSE),$(FUSE_SOURCES)))
$(eval $(call archive,$(FILED),$(FILED_SOURCES)))
$(eval $(call archive,$(SUPPORT),$(SUPPORT_SOURCES)))
$(eval $(call archive,$(CRASH),$(CRASH_SOURCES)))
# What fuzzers are made of: parts of the whole, with neither devices nor engines, so that little is compiled for one of them.
all_in = $(wildcard $(addsuffix /*.cc,$(1)))
FUZZ_PART_base := $(call all_in,lib/base lib/wire) tests/fuzz/target.cc tests/fuzz/bodies.cc tests/support/check.cc
FUZZ_PART_iwarp := $(filter-out %/engine.cc %/listener.cc %/persister.cc lib/rdma/iwarp/connection%,$(call all_in,lib/rdma/iwarp)) \
                   tests/support/hostile_peer.cc
FUZZ_PART_pool := $(call all_in,lib/format lib/media lib/pool) tests/fuzz/small_pool.cc $(addprefix tests/support/,pool_images.cc recording_medium.cc)
FUZZ_PART_driver := $(filter-out $(addprefix driver/,admin% scrub% main% manager% options% session% expiry% handshake%),$(DRIVER_SOURCES)) \
                    lib/rdma/connection.cc lib/confine/mode.cc tests/fuzz/session_stage.cc
FUZZ_PART_sync := $(call all_in,lib/sync) $(FILED_SOURCES) tests/fuzz/participant_stage.cc
FUZZ_PARTS := base iwarp pool driver sync
$(foreach part,$(FUZZ_PARTS),$(eval $(call archive,$(BUILD)/libfuzz_$(part).a,$(FUZZ_PART_$(part)))))
# $(call fuzzer,TARGET,PARTS)
define fuzzer
$(BUILD)/fuzzers/$(1): $(call objects,tests/fuzz/$(1)_target.cc tests/fuzz/libfuzzer.cc) $(2:%=$(BUILD)/libfuzz_%.a)
	$$(link)
	$$(Q)$$(CXX) $$(LDFLAGS) -fsanitize=fuzzer -o $$@ $$^ $$(LIBRARIES) -lsystemd -lcmocka
endef
$(foreach target,start_up terminate receive,$(eval $(call fuzzer,$(target),iwarp base)))
$(foreach target,messages handshake_server handshake_client key_file,$(eval $(call fuzzer,$(target),base)))
$(foreach target,pool log,$(eval $(call fuzzer,$(target),pool base)))
$(foreach target,config requests,$(eval $(call fuzzer,$(target),driver pool base)))
$(foreach target,sync_messages sync_session checkpoint_file undo_log,$(eval $(call fuzzer,$(target),sync base)))

link = @mkdir -p $(@D) && $(if $(V),:,printf '  %-5s %s\n' LINK '$@')
$(BUILD)/bin/pmemckptd: $(call objects,driver/main.cc) $(DRIVER) $(CONFINE) $(LIB)
	$(link)
	$(Q)$(CXX) $(LDFLAGS) -o $@ $^ $(LIBRARIES) -lseccomp -lsystemd
$(BUILD)/bin/mount.pmemckpt: $(call objects,fuse/main.cc) $(FUSE) $(CONFINE) $(LIB)
	$(link)
	$(Q)$(CXX) $(LDFLAGS) -o $@ $^ $(LIBRARIES) -lseccomp -lfuse3
$(BUILD)/bin/pmemckpt-ctl: $(call objects,$(CTL_SOURCES)) $(LIB)
	$(link)
	$(Q)$(CXX) $(LDFLAGS) -o $@ $^ $(LIBRARIES)
$(BUILD)/bin/pmemckpt-filed: $(call objects,utils/pmemckpt-filed/main.cc) $(FILED) $(SYNC)
	$(link)
	$(Q)$(CXX) $(LDFLAGS) -o $@ $^ $(SYNC_LIBRARIES)
$(SHARED): $(call objects,$(CLIENT_SOURCES)) lib/client/libpmemckpt.map
	$(link)
	$(Q)$(CXX) $(LDFLAGS) -shared -Wl,-soname,libpmemckpt.so.$(ABI) -Wl,--version-script=lib/client/libpmemckpt.map \
	    -Wl,--gc-sections -o $@ $(call objects,$(CLIENT_SOURCES)) $(LIBRARIES)
	$(Q)ln -sf libpmemckpt.so.$(ABI) $(BUILD)/lib/libpmemckpt.so
$(SYNC_SHARED): $(call objects,$(SYNC_SOURCES)) lib/client/libpmemckpt.map
	$(link)
	$(Q)$(CXX) $(LDFLAGS) -shared -Wl,-soname,libpmemckpt-sync.so.$(ABI) -Wl,--version-script=lib/client/libpmemckpt.map \
	    -Wl,--gc-sections -o $@ $(call objects,$(SYNC_SOURCES)) $(SYNC_LIBRARIES)
	$(Q)ln -sf libpmemckpt-sync.so.$(ABI) $(BUILD)/lib/libpmemckpt-sync.so
$(BUILD)/examples/%: $(BUILD)/object/utils/examples/%.o $(SHARED)
	$(link)
	$(Q)$(CXX) $(LDFLAGS) -o $@ $< -L$(BUILD)/lib -lpmemckpt '-Wl,-rpath,$$ORIGIN/../lib'
$(BUILD)/examples/process_pair: $(call objects,$(PAIR_SOURCES)) $(SHARED)
	$(link)
	$(Q)$(CXX) $(LDFLAGS) -o $@ $(call objects,$(PAIR_SOURCES)) -L$(BUILD)/lib -lpmemckpt '-Wl,-rpath,$$ORIGIN/../lib'
# Static where it runs on another system.
LEDGER_LIBRARY := $(if $(CROSS),$(SYNC),$(SYNC_SHARED))
$(BUILD)/examples/ledger_batch: $(call objects,$(LEDGER_SOURCES)) $(LEDGER_LIBRARY)
	$(link)
	$(Q)$(CXX) $(LDFLAGS) -o $@ $^ $(if $(CROSS),$(SYNC_LIBRARIES),'-Wl,-rpath,$$ORIGIN/../lib')
$(BUILD)/tests/crash: $(call objects,tests/crash/main.cc) $(CRASH) $(SUPPORT) $(LIB)
	$(link)
	$(Q)$(CXX) $(LDFLAGS) -o $@ $^ $(LIBRARIES) -lcmocka
# $(call unit_test,PREFIX,ARCHIVES): those whose names begin so are linked with these as well.
define unit_test
$(BUILD)/tests/unit/$(1)%: $(BUILD)/object/tests/unit/$(1)%.o $(2) $(SUPPORT) $(DRIVER) $(CONFINE) $(LIB)
	$$(link)
	$$(Q)$$(CXX) $$(LDFLAGS) -o $$@ $$^ $$(LIBRARIES) -lseccomp -lsystemd -lfuse3 -lcmocka
endef
$(eval $(call unit_test,crash_,$(CRASH)))
$(eval $(call unit_test,filed_,$(FILED)))
$(eval $(call unit_test,sync_,$(FILED)))
$(eval $(call unit_test,fuse_,$(FUSE)))
$(eval $(call unit_test,,))
$(BUILD)/tests/tools/sync_program: $(BUILD)/object/tests/tools/sync_program.o $(SYNC)
	$(link)
	$(Q)$(CXX) $(LDFLAGS) -o $@ $^ $(SYNC_LIBRARIES)
$(BUILD)/tests/tools/sync_region_program: $(BUILD)/object/tests/tools/sync_region_program.o $(SHARED) $(SYNC_SHARED)
	$(link)
	$(Q)$(CXX) $(LDFLAGS) -o $@ $< -L$(BUILD)/lib -lpmemckpt-sync -lpmemckpt '-Wl,-rpath,$$ORIGIN/../../lib'
$(BUILD)/tests/tools/%: $(BUILD)/object/tests/tools/%.o $(SUPPORT) $(LIB)
	$(link)
	$(Q)$(CXX) $(LDFLAGS) -o $@ $^ $(LIBRARIES) -lcmocka
$(BUILD)/tests/soak: $(call objects,$(SOAK_SOURCES)) $(SHARED)
	$(link)
	$(Q)$(CXX) $(LDFLAGS) -o $@ $(call objects,$(SOAK_SOURCES)) -L$(BUILD)/lib -lpmemckpt -lfmt '-Wl,-rpath,$$ORIGIN/../lib'
$(BUILD)/tests/hostile: $(call objects,$(HOSTILE_SOURCES)) $(SUPPORT) $(LIB)
	$(link)
	$(Q)$(CXX) $(LDFLAGS) -o $@ $^ $(LIBRARIES) -lcmocka
$(BUILD)/tests/bench/%: $(BUILD)/object/tests/bench/%.o $(LIB)
	$(link)
	$(Q)$(CXX) $(LDFLAGS) -o $@ $^ $(LIBRARIES)
$(BUILD)/tests/fuzz/%: $(BUILD)/object/tests/fuzz/%_target.o $(call objects,$(FUZZ_SOURCES)) $(FILED) $(DRIVER) $(CONFINE) $(LIB)
	$(link)
	$(Q)$(CXX) $(LDFLAGS) -o $@ $^ $(LIBRARIES) -lsystemd -lcmocka
$(FAILING_CALLS): $(call objects,tests/fault/failing_calls.cc)
	$(link)
	$(Q)$(CXX) $(LDFLAGS) -shared -o $@ $^ -ldl
.PRECIOUS: $(BUILD)/object/%.o
-include $(shell find $(BUILD)/object -name '*.d' 2>/dev/null)

unit-tests: $(UNIT_TESTS)
# What is kept of fuzzing, played back by what builds all else; and the fuzzers themselves, with FUZZ=1.
REPLAYS := $(FUZZ_TARGETS:%=$(BUILD)/tests/fuzz/%)
.PHONY: fuzzers
fuzzers: $(FUZZ_TARGETS:%=$(BUILD)/fuzzers/%)
# What runs on other systems, in tests.
cross-programs: $(BUILD)/tests/tools/sync_program $(BUILD)/examples/ledger_batch
# What runs in guests by itself; with OVER all does.
guest-tests: $(filter-out %/pmemckpt-filed,$(PROGRAMS)) $(SHARED) $(BUILD)/examples/process_pair $(filter-out %/sync_program %/sync_region_program,$(TOOLS)) $(VM_UNIT_TESTS)

# As many at once as there are processors, unless make was told.
JOBS = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))
# A second make, so that the compiler and what it needs are there when it starts.
demo: needed
	@$(MAKE) --no-print-directory $(JOBS) all
	@BUILD=$(BUILD) utils/examples/demo.sh
demo-failover: needed
	@$(MAKE) --no-print-directory $(JOBS) all
	@BUILD=$(BUILD) utils/examples/demo_failover.sh
demo-sync: needed
	@$(MAKE) --no-print-directory $(JOBS) all
	@for system in $(filter-out native,$(SYSTEM)); do $(MAKE) --no-print-directory $(JOBS) CROSS=$$system cross-programs || exit 1; done
	@BUILD=$(BUILD) utils/examples/demo_sync.sh
check: needed
	@$(MAKE) --no-print-directory $(JOBS) all unit-tests $(TOOLS) $(REPLAYS) $(BUILD)/tests/soak $(BUILD)/tests/hostile $(FAILING_CALLS)
	@$(if $(and $(TESTS),$(if $(findstring sync,$(TESTS)),,other)),,for system in $(CROSS_SYSTEMS); do \
	    ! tests/cross/prepare $$system >/dev/null || $(MAKE) --no-print-directory $(JOBS) CROSS=$$system cross-programs || exit 1; done)
	@BUILD=$(BUILD) $(if $(SANITIZE),TIME_LIMIT_FACTOR=5) tests/run $(if $(SEED),--seed $(SEED)) $(TESTS)
# ATTACKS="PATTERN": those with that in their names.
check-hostile: needed
	@$(MAKE) --no-print-directory $(JOBS) $(BUILD)/bin/pmemckptd $(BUILD)/bin/pmemckpt-ctl $(BUILD)/tests/hostile
	@export BUILD=$(BUILD) $(if $(SANITIZE),TIME_LIMIT_FACTOR=5) $(if $(SEED),SEED=$(SEED)); \
	    bash tests/hostile/attacks.sh $(if $(ATTACKS),,&& bash tests/hostile/descriptors.sh)
check-crash: needed
	@$(MAKE) --no-print-directory $(JOBS) $(BUILD)/tests/crash
	@$(BUILD)/tests/crash $(if $(SEED),--seed $(SEED)) $(CRASH_OPTIONS)
# Where the pools of a soak lie: memory, so that an hour of it does not wear a disk.
SOAK_DIRECTORY ?= $(firstword $(wildcard /dev/shm) /tmp)
TIME ?= 10m
vm:
	@tests/vm/prepare >/dev/null
check-vm: needed
	@$(MAKE) --no-print-directory $(JOBS) vm guest-tests $(if $(OVER),all unit-tests $(TOOLS) $(BUILD)/tests/soak $(FAILING_CALLS))
	@BUILD=$(BUILD) $(if $(OVER),tests/vm/run_over $(OVER),tests/run --vm) $(if $(SEED),--seed $(SEED)) $(TESTS)
# In a userland of Debian 13, with a build of its own: the local tests there, then guests with its files and a newer kernel.
# What the host does for a test with guests is done by its own programs: so those that need one of ours there are not among them.
IN_TRIXIE = tests/vm/userland run make --no-print-directory $(JOBS)
IN_GUESTS := vm/% trixie/%
TRIXIE_LOCAL = $(if $(TESTS),$(filter-out $(IN_GUESTS),$(TESTS)),tests/)
TRIXIE_GUESTS = $(if $(TESTS),$(filter $(IN_GUESTS),$(TESTS)),trixie/ vm/verbs_engine vm/verbs_devdax vm/interoperation)
check-trixie:
	@tests/vm/userland >/dev/null
	@$(if $(TRIXIE_LOCAL),$(IN_TRIXIE) check TESTS='$(TRIXIE_LOCAL)' SEED=$(SEED))
	@$(if $(TRIXIE_GUESTS),tests/vm/prepare --kernel 6.12 >/dev/null)
	@$(if $(TRIXIE_GUESTS),$(IN_TRIXIE) guest-tests)
	@$(if $(TRIXIE_GUESTS),tests/run --trixie $(if $(SEED),--seed $(SEED)) $(TRIXIE_GUESTS))
bench-vm: needed vm
	@$(MAKE) --no-print-directory $(JOBS) $(BUILD)/tests/bench/durable_write
	@BUILD=$(BUILD) tests/bench/verbs.sh
vm-shell:
	@BUILD=$(BUILD) tests/vm/run --shell --devdax --time-limit 86400 $(VM)
soak: needed
	@$(MAKE) --no-print-directory $(JOBS) all $(BUILD)/tests/soak
	@$(BUILD)/tests/soak run programs=$(BUILD)/bin directory=$(SOAK_DIRECTORY) time=$(TIME) $(if $(SEED),seed=$(SEED)) $(SOAK)
# The targets whose names have one of TARGETS in them; each for FUZZ_TIME seconds, one after the other.
FUZZ_CHOSEN = $(if $(TARGETS),$(foreach target,$(FUZZ_TARGETS),$(if $(strip $(foreach part,$(TARGETS),$(findstring $(part),$(target)))),$(target))),$(FUZZ_TARGETS))
fuzz: needed
	@tests/fuzz/run --can $(CLANG)
	@$(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc)) FUZZ=1 $(FUZZ_CHOSEN:%=build-fuzz/fuzzers/%)
	@tests/fuzz/run $(if $(filter command line,$(origin TIME)),--time $(TIME)) $(if $(filter command line,$(origin JOBS)),--jobs $(JOBS)) \
	    $(if $(SEED),--seed $(SEED)) $(FUZZ_CHOSEN)
lint: needed
	@tests/lint

# What reads media, and nothing else, with ASan and UBSan: all that is flipped, cut and pasted, in a few minutes.
MEDIA_TESTS := pool_hostile_media_test pool_pasted_media_test pool_forged_media_test pool_damage_test
MEDIA_OBJECTS := $(call objects,$(wildcard $(addprefix lib/,$(addsuffix /*.cc,base format media pool))) \
                 $(addprefix tests/support/,check.cc pool_history.cc pool_images.cc recording_medium.cc))
$(BUILD)/tests/media/%: $(BUILD)/object/tests/unit/%.o $(MEDIA_OBJECTS)
	$(link)
	$(Q)$(CXX) $(LDFLAGS) -o $@ $^ $(LIBRARIES) -lcmocka
media-tests: $(MEDIA_TESTS:%=$(BUILD)/tests/media/%)
	@for program in $^; do HOSTILE_MEDIA=all UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 $$program || exit 1; done
check-hostile-media: needed
	@$(MAKE) --no-print-directory $(JOBS) SANITIZE=address,undefined media-tests

# Sync points, and nothing else, with ASan and UBSan, then with TSan: their unit tests, but for the model, which is without
# I/O and threads, and takes long.
SYNC_TESTS := $(patsubst tests/unit/%.cc,$(BUILD)/tests/sync/%,$(filter-out %_model_test.cc,$(wildcard tests/unit/sync_*_test.cc)))
$(BUILD)/tests/sync/%: $(BUILD)/object/tests/unit/%.o $(call objects,$(addprefix tests/support/,check.cc mutation.cc)) $(SYNC)
	$(link)
	$(Q)$(CXX) $(LDFLAGS) -o $@ $^ $(SYNC_LIBRARIES) -lcmocka
sync-tests: $(SYNC_TESTS)
	@for program in $^; do UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 $$program || exit 1; done
check-hostile-sync: needed
	@for sanitizer in address,undefined thread; do \
	    $(MAKE) --no-print-directory $(JOBS) SANITIZE=$$sanitizer sync-tests || exit 1; done

needed:
	@for file in $(NEEDED_FILES); do \
	    [ -e $$file ] || { $(MAKE) --no-print-directory deps; exit; }; done
packages:
	@echo $(PACKAGES)
deps:
	@if [ "$$(id -u)" = 0 ]; then \
	    apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $(PACKAGES); \
	else printf 'Some packages are missing. Install them with:\n  sudo apt-get install --no-install-recommends %s\n' \
	    '$(PACKAGES)'; exit 1; fi

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/lib/pkgconfig \
	    $(DESTDIR)$(PREFIX)/lib/systemd/system $(DESTDIR)$(PREFIX)/include/pmemckpt \
	    $(DESTDIR)$(PREFIX)/share/bash-completion/completions $(DESTDIR)$(PREFIX)/share/doc/pmemckpt \
	    $(DESTDIR)$(SYSTEM_SBIN) \
	    $(foreach n,1 3 5 7 8,$(DESTDIR)$(PREFIX)/share/man/man$(n))
	install $(BUILD)/bin/pmemckpt-ctl $(DESTDIR)$(PREFIX)/bin/
	install $(BUILD)/bin/pmemckptd $(BUILD)/bin/pmemckpt-filed $(BUILD)/bin/mount.pmemckpt $(DESTDIR)$(PREFIX)/sbin/
	[ $(DESTDIR)$(PREFIX)/sbin -ef $(DESTDIR)$(SYSTEM_SBIN) ] || [ $(PREFIX)$(SYSTEM_SBIN) = /usr/sbin ] || \
	    ln -sf $(PREFIX)/sbin/mount.pmemckpt $(DESTDIR)$(SYSTEM_SBIN)/mount.pmemckpt
	install -m644 $(SHARED) $(SYNC_SHARED) $(SYNC) $(DESTDIR)$(PREFIX)/lib/
	ln -sf libpmemckpt.so.$(ABI) $(DESTDIR)$(PREFIX)/lib/libpmemckpt.so
	ln -sf libpmemckpt-sync.so.$(ABI) $(DESTDIR)$(PREFIX)/lib/libpmemckpt-sync.so
	install -m644 lib/include/pmemckpt/*.h lib/include/pmemckpt/*.hh $(DESTDIR)$(PREFIX)/include/pmemckpt/
	for name in client/pmemckpt sync/pmemckpt-sync; do \
	    sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|' lib/$$name.pc.in \
	        > $(DESTDIR)$(PREFIX)/lib/pkgconfig/$${name#*/}.pc; done
	for unit in $(UNITS); do \
	    sed 's|@PREFIX@|$(PREFIX)|' utils/systemd/$$unit > $(DESTDIR)$(PREFIX)/lib/systemd/system/$$unit; done
	install -m644 README.md CHANGELOG.md LICENSE $(addprefix utils/systemd/,pmemckptd.toml devices.conf user.conf ckpt.mount) \
	    $(DESTDIR)$(PREFIX)/share/doc/pmemckpt/
	install -m644 utils/completion/pmemckpt-ctl $(DESTDIR)$(PREFIX)/share/bash-completion/completions/
	for page in $(MAN_PAGES); do \
	    install -m644 $$page $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/; done
	$(if $(DESTDIR),,-ldconfig)

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/pmemckpt-ctl $(DESTDIR)$(PREFIX)/sbin/pmemckptd $(DESTDIR)$(PREFIX)/sbin/pmemckpt-filed \
	    $(DESTDIR)$(PREFIX)/sbin/mount.pmemckpt $(DESTDIR)$(SYSTEM_SBIN)/mount.pmemckpt \
	    $(DESTDIR)$(PREFIX)/lib/libpmemckpt.so* $(DESTDIR)$(PREFIX)/lib/libpmemckpt-sync.* \
	    $(DESTDIR)$(PREFIX)/lib/pkgconfig/pmemckpt.pc $(DESTDIR)$(PREFIX)/lib/pkgconfig/pmemckpt-sync.pc \
	    $(addprefix $(DESTDIR)$(PREFIX)/lib/systemd/system/,$(UNITS)) \
	    $(DESTDIR)$(PREFIX)/share/bash-completion/completions/pmemckpt-ctl \
	    $(foreach page,$(MAN_PAGES),$(DESTDIR)$(PREFIX)/share/man/man$(subst .,,$(suffix $(page)))/$(notdir $(page)))
	rm -rf $(DESTDIR)$(PREFIX)/include/pmemckpt $(DESTDIR)$(PREFIX)/share/doc/pmemckpt

clean:
	rm -rf $(BUILD)

help:
	@printf '%s\n' \
	    'make                 build the programs, the library and the examples into build/' \
	    'make demo            the main job, shown on this machine: build, run, kill, restore, compare' \
	    'make demo-failover   a process pair, killed at random moments: nothing lost, nothing doubled; SEED=N, KILLS=N' \
	    'make demo-sync       a batch and three file services, killed at random moments, against an undisturbed run; SEED=N,' \
	    '                     KILLS=N; SYSTEM=s390x: the batch on that system, emulated; "s390x native": on both in turn' \
	    'make check           all tests; SEED=N replays one run, TESTS="PATTERN ..." picks some' \
	    'make CROSS=s390x cross-programs  what runs on other systems, built for one of them (s390x, armhf) into build-s390x/' \
    'make check-crash     the power cut at every moment of all that is done to a pool, and recovered' \
	    'make vm              prepare the test machine, once: installs packages (root), fetches a kernel and siw (500 MB);' \
	    '                     it is emulated (QEMU without KVM), and has an NVDIMM and RDMA devices in software' \
	    'make check-vm        the tests that need it: RDMA devices, devdax, several hosts; about 26 minutes on 2 processors,' \
	    '                     less with TESTS="PATTERN ..."; SEED=N' \
	    'make check-vm OVER="rxe siw"  all that any engine must pass, over each of these devices; takes hours; one test of it:' \
	    '                     make check-vm OVER=rxe TESTS=unit/windows_test' \
	    'make check-trixie    the local tests in a userland of Debian 13 (fetched once, 600 MB; root), and tests with guests of' \
	    '                     it; takes longer than check and check-vm; SEED=N, TESTS="PATTERN ..."' \
	    'make bench-vm        the verbs engine against perftest and raw verbs, in the test machine; within 10 minutes, and' \
	    '                     worth something only when the host does nothing else' \
	    'make vm-shell        a shell in it, with what is built here (so "make" before); boots within seconds, "exit" ends it;' \
	    '                     VM="--rdma siw ..." are options of tests/vm/run' \
	    'make soak            processes killed at random for TIME=10m, and an account of all that was answered; SEED=N' \
	    'make check-hostile   a hostile client on the wire against a manager: every attack, a line each; SEED=N,' \
	    '                     ATTACKS="write:" picks those with that in their names' \
	    'make check-hostile-media  each byte of a pool flipped, each length cut, with ASan and UBSan' \
	    'make check-hostile-sync  the unit tests of sync points with ASan and UBSan, then with TSan; STEPS=N, SEED=N' \
	    'make fuzz            hostile input, made by libFuzzer (clang-14, libclang-rt-14-dev), for TIME=60 seconds a target;' \
	    '                     TARGETS="PART ..." picks some, JOBS=N at once of each, SEED=N' \
	    'make lint            format, shell scripts, man pages' \
	    'make install         DESTDIR= PREFIX=/usr/local SYSTEM_SBIN=/sbin' \
	    'make uninstall       with the same DESTDIR, PREFIX and SYSTEM_SBIN' \
	    'make deps            install the Debian packages that are needed (root), or say which' \
	    'make clean           remove build/' \
	    'V=1                  show the commands' \
	    'DEBUG=1              unoptimized, with debug information' \
	    'SANITIZE=LIST        address,undefined or thread; builds into build-LIST/'
