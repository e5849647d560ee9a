#pragma once
// A participant of sync points with its checkpoints in a region, for tests, and calls that may be watched.
#include <pmemckpt/sync_region.hh>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lib/sync/storage_file.hh"
#include "tests/unit/client_fixture.hh"
#include "tests/unit/sync_house.hh"

namespace pmemckpt::test {

using sync::CheckpointFile;
using sync::open_storage;

inline constexpr std::uint64_t kLimit = 6 * kMiB;  // of a state: more than is sent at one time
inline const std::string kRegion = "job/ledger";

/// A storage in a region, whose calls may be watched.
class RegionStorage {
public:
    using Watch = std::function<int(const std::function<int()>&)>;

    ~RegionStorage() { close(); }
    RegionStorage() = default;
    RegionStorage(const RegionStorage&) = delete;

    Result<std::unique_ptr<CheckpointFile>> open(const ManagerHere& here, const std::string& region = kRegion,
                                                 std::uint64_t state_bytes = kLimit) {
        close();
        const auto texts = here.options();
        pmemckpt_options options = {};
        options.server = texts.server.c_str();
        options.principal = texts.principal.c_str();
        options.key_dir = texts.key_dir.c_str();
        options.transport = texts.transport.c_str();
        if (const int status = pmemckpt_sync_region_open(&options, region.c_str(), state_bytes, &real_))
            return fail(-status, "{}", pmemckpt_error());
        return open_storage(watched());
    }
    void close() {
        if (real_.close)
            real_.close(real_.context);
        real_ = {};
    }
    Watch watch = [](const std::function<int()>& action) { return action(); };

private:
    struct State {
        RegionStorage& storage;
        void* real;
    };
    static RegionStorage& of(void* self) { return *static_cast<RegionStorage*>(self); }
    static State& state_of(void* state) { return *static_cast<State*>(state); }

    pmemckpt_sync_storage watched() {
        auto storage = real_;
        storage.context = this;
        storage.load = [](void* self, void* into, std::size_t room, std::size_t* size) {
            auto& real = of(self).real_;
            return of(self).watch([&] { return real.load(real.context, into, room, size); });
        };
        storage.commit = [](void* self, const void* table, std::size_t size) {
            auto& real = of(self).real_;
            return of(self).watch([&] { return real.commit(real.context, table, size); });
        };
        storage.keep = [](void* self, const std::uint64_t* tokens, std::size_t count) {
            auto& real = of(self).real_;
            return of(self).watch([&] { return real.keep(real.context, tokens, count); });
        };
        storage.begin = [](void* self, std::uint64_t number, void** state) {
            auto& real = of(self).real_;
            auto made = std::make_unique<State>(State{of(self), nullptr});
            const int status = of(self).watch([&] { return real.begin(real.context, number, &made->real); });
            *state = status == 0 ? made.release() : nullptr;
            return status;
        };
        storage.write = [](void* state, const void* bytes, std::size_t size) {
            auto& self = state_of(state).storage;
            return self.watch([&] { return self.real_.write(state_of(state).real, bytes, size); });
        };
        storage.finish = [](void* state, std::uint64_t* token) {
            auto& self = state_of(state).storage;
            return self.watch([&] { return self.real_.finish(state_of(state).real, token); });
        };
        storage.end_state = [](void* state) {
            state_of(state).storage.real_.end_state(state_of(state).real);
            delete &state_of(state);
        };
        storage.read = [](void* self, std::uint64_t token, std::uint64_t offset, void* into,
                          std::size_t size) {
            auto& real = of(self).real_;
            return of(self).watch([&] { return real.read(real.context, token, offset, into, size); });
        };
        storage.error = [](void* self) { return of(self).real_.error(of(self).real_.context); };
        return storage;
    }

    pmemckpt_sync_storage real_ = {};
};

/// A manager, and a participant with its checkpoints there.
struct Pair {
    ManagerHere here;
    RegionStorage storage;
    House house{[this] { return storage.open(here); }};

    ~Pair() { house.job.reset(); }
    std::vector<std::uint64_t> pinned() const {
        std::vector<std::uint64_t> numbers;
        for (const auto& generation : ok(here.connect()->generations(kRegion)))
            if (generation.pinned != 0)
                numbers.push_back(generation.number);
        return numbers;
    }
};
using Numbers = std::vector<std::uint64_t>;

}  // namespace pmemckpt::test
