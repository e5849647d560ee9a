#pragma once
// A storage of sync points in memory, with what a medium would hold after a crash: what was committed and
// finished, and nothing else. Each call may be made to fail.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "lib/base/result.hh"
#include "pmemckpt/sync.h"

namespace pmemckpt::test {

/// Threads: any.
class MemoryStorage {
public:
    using Bytes = std::vector<std::byte>;

    /// The one of that name; it stays when who used it has gone.
    static MemoryStorage& at(const std::string& name) {
        static std::map<std::string, std::unique_ptr<MemoryStorage>> all;
        auto& one = all[name];
        if (!one)
            one.reset(new MemoryStorage(name));
        return *one;
    }
    pmemckpt_sync_storage storage() {
        return {name_.c_str(), this,      load, commit, keep,  begin, write,
                finish,        end_state, read, error,  close, {}};
    }

    /// What it is told of each call before it is done: the name, and the call. Empty: it is done.
    std::function<Status(const char* call, const std::function<Status()>& action)> at_call;
    unsigned closed = 0;
    Bytes table;                            // durable
    std::map<std::uint64_t, Bytes> states;  // those that were finished: durable

private:
    struct State {
        MemoryStorage& storage;
        Bytes bytes;
    };

    explicit MemoryStorage(std::string name) : name_(std::move(name)) {}

    template <class Action>
    int run(const char* call, Action&& action) {
        const std::lock_guard lock(mutex_);
        const Status done = at_call ? at_call(call, action) : action();
        if (done)
            return 0;
        sentence_ = done.error().message;
        return -done.error().code;
    }
    static MemoryStorage& of(void* context) { return *static_cast<MemoryStorage*>(context); }

    static int load(void* context, void* into, std::size_t room, std::size_t* size) {
        auto& self = of(context);
        return self.run("load", [&]() -> Status {
            *size = self.table.size();
            if (self.table.size() > room)
                return fail(EMSGSIZE, "the table has {} bytes", self.table.size());
            if (!self.table.empty())
                std::memcpy(into, self.table.data(), self.table.size());
            return {};
        });
    }
    static int commit(void* context, const void* table, std::size_t size) {
        auto& self = of(context);
        return self.run("commit", [&]() -> Status {
            const auto* const bytes = static_cast<const std::byte*>(table);
            self.table.assign(bytes, bytes + size);
            return {};
        });
    }
    static int keep(void* context, const std::uint64_t* tokens, std::size_t count) {
        auto& self = of(context);
        return self.run("keep", [&]() -> Status {
            std::erase_if(self.states, [&](const auto& state) {
                return std::find(tokens, tokens + count, state.first) == tokens + count;
            });
            return {};
        });
    }
    static int begin(void* context, std::uint64_t, void** state) {
        auto& self = of(context);
        auto made = std::make_unique<State>(State{self, {}});
        const int status = self.run("begin", [] { return Status(); });
        if (status == 0)
            *state = made.release();
        return status;
    }
    static int write(void* state, const void* bytes, std::size_t size) {
        auto& draft = *static_cast<State*>(state);
        return draft.storage.run("write", [&]() -> Status {
            const auto* const from = static_cast<const std::byte*>(bytes);
            draft.bytes.insert(draft.bytes.end(), from, from + size);
            return {};
        });
    }
    static int finish(void* state, std::uint64_t* token) {
        auto& draft = *static_cast<State*>(state);
        return draft.storage.run("finish", [&]() -> Status {
            *token = ++draft.storage.last_token_;
            draft.storage.states[*token] = draft.bytes;
            return {};
        });
    }
    static void end_state(void* state) { delete static_cast<State*>(state); }
    static int read(void* context, std::uint64_t token, std::uint64_t offset, void* into, std::size_t size) {
        auto& self = of(context);
        return self.run("read", [&]() -> Status {
            const auto found = self.states.find(token);
            if (found == self.states.end())
                return fail(ENOENT, "there is no state {}", token);
            if (offset > found->second.size() || size > found->second.size() - offset)
                return fail(EBADMSG, "state {} has {} bytes", token, found->second.size());
            std::memcpy(into, found->second.data() + offset, size);
            return {};
        });
    }
    static const char* error(void* context) { return of(context).sentence_.c_str(); }
    static void close(void* context) { ++of(context).closed; }

    const std::string name_;
    std::mutex mutex_;
    std::string sentence_;
    std::uint64_t last_token_ = 0;
};

}  // namespace pmemckpt::test
