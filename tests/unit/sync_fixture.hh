#pragma once
// Participants and a coordinator of this process, each with a program whose state is a string.
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>

#include "lib/sync/coordinator.hh"
#include "lib/sync/participant.hh"
#include "lib/sync/storage_file.hh"
#include "tests/support/check.hh"
#include "tests/unit/memory_storage.hh"

namespace pmemckpt::test {

/// Threads: its state is set by the test, and saved and restored by pmemckpt's.
class TextProgram {
public:
    sync::Program program() {
        return {
            [this](const sync::SyncPointId& id, const sync::Sink& sink) { return save(id, sink); },
            [this](const sync::SyncPointId& id, const sync::Source& source) { return restore(id, source); }};
    }
    void set(std::string text) {
        const std::lock_guard lock(mutex_);
        text_ = std::move(text);
    }
    std::string text() const {
        const std::lock_guard lock(mutex_);
        return text_;
    }
    unsigned saves() const {
        const std::lock_guard lock(mutex_);
        return saves_;
    }
    /// Called in each save, and each restore, and what it gives is what they give.
    std::function<Status()> at_save, at_restore;

private:
    Status save(const sync::SyncPointId&, const sync::Sink& sink) {
        std::string text;
        {
            const std::lock_guard lock(mutex_);
            ++saves_;
            text = text_;
        }
        if (at_save)
            TRY(at_save());
        const auto bytes = std::as_bytes(std::span(text));
        TRY(sink(bytes.first(bytes.size() / 2)));
        return sink(bytes.subspan(bytes.size() / 2));
    }
    Status restore(const sync::SyncPointId&, const sync::Source& source) {
        if (at_restore)
            TRY(at_restore());
        std::string text;
        std::array<std::byte, 1000> piece;
        for (;;) {
            const auto count = TRY(source(piece));
            if (count == 0)
                break;
            text.append(reinterpret_cast<const char*>(piece.data()), count);
        }
        set(std::move(text));
        return {};
    }

    mutable std::mutex mutex_;
    std::string text_;
    unsigned saves_ = 0;
};

enum class Keeping { one_file, file_each, storage };

inline Result<std::unique_ptr<sync::CheckpointFile>> open_checkpoint_file(const std::string& path,
                                                                          Keeping keeping) {
    switch (keeping) {
        case Keeping::one_file: return sync::open_one_file(path);
        case Keeping::file_each: return sync::open_file_each(path);
        default: return sync::open_storage(MemoryStorage::at(path).storage());
    }
}

inline std::string sync_keys() {
    const auto keys = (directory() / "keys").string();
    if (!load_key(keys, "primary"))
        ok(store_key(keys, "primary", Key::random()));
    return keys;
}

/// One that can be ended, and started anew with its checkpoint file, at the same port.
class TestParticipant {
public:
    explicit TestParticipant(const std::string& name, Keeping keeping = Keeping::one_file,
                             sync::Participant::Options options = {})
        : path_((directory() / name).string()), keeping_(keeping), options_(std::move(options)) {
        start();
    }
    void start() {
        job_ = ok(sync::Job::open(ok(open_checkpoint_file(path_, keeping_)), program.program()));
        options_.listen = {"127.0.0.1", port_};
        options_.key_dir = sync_keys();
        participant_ = ok(sync::Participant::start(options_, job_));
        port_ = participant_->address().port;
    }
    void end() {
        participant_.reset();
        job_.reset();
    }
    /// As if it had been killed and started again: its program is a new one.
    void start_anew(std::string text) {
        end();
        program.set(std::move(text));
        start();
    }
    std::string address() const { return fmt::format("127.0.0.1:{}", port_); }
    const std::string& path() const { return path_; }
    sync::Job& job() { return *job_; }
    std::size_t held() const { return job_->listed().held.size(); }

    TextProgram program;

private:
    const std::string path_;
    const Keeping keeping_;
    sync::Participant::Options options_;
    std::uint16_t port_ = 0;
    std::shared_ptr<sync::Job> job_;
    std::unique_ptr<sync::Participant> participant_;
};

/// The coordinator's side.
struct TestCoordinator {
    explicit TestCoordinator(std::vector<std::string> participants, unsigned timeout_ms = 10'000) {
        options = {"batch", std::move(participants), "primary", sync_keys(), timeout_ms};
    }
    Result<std::unique_ptr<sync::Coordinator>> open() {
        return sync::Coordinator::open(options, program.program());
    }

    sync::Coordinator::Options options;
    TextProgram program;
};

}  // namespace pmemckpt::test
