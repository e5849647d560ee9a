#include "tests/fuzz/participant_stage.hh"

#include <filesystem>
#include <fstream>

#include "lib/sync/session.hh"
#include "lib/sync/storage_file.hh"
#include "tests/fuzz/handshake_keys.hh"
#include "tests/fuzz/socket_pair.hh"
#include "tests/unit/memory_storage.hh"
#include "utils/pmemckpt-filed/file_service.hh"

namespace pmemckpt::fuzz {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kOutside = "nobody who is served sees this";
/// A client that does not listen is given up soon: what it is answered has room for most.
constexpr unsigned kPatience_ms = 50;
constexpr std::size_t kMostOfFile = 64 * 1024;  // of a larger one the rest is not looked at

test::MemoryStorage& storage() {
    return test::MemoryStorage::at("fuzzed");
}

void write_file(const std::string& path, std::string_view text) {
    std::ofstream(path, std::ios::binary) << text;
}

std::string read_file(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    std::string text(kMostOfFile, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(in.gcount()));
    return text;
}

std::vector<fs::path> names_in(const std::string& path) {
    std::vector<fs::path> names;
    for (const auto& entry : fs::directory_iterator(path))
        names.push_back(entry.path().filename());
    std::ranges::sort(names);
    return names;
}

/// HELLO and PROOF of alice, whom the server will answer as it does with these random numbers.
Bytes proof_of_alice(const wire::ServerHandshake::Served& served) {
    wire::Hello hello;
    hello.principal = "alice";
    auto said = wire::encode_request(1, hello);
    restart_random();
    wire::ServerHandshake server(
        wire::kSyncService, key_directory(), 1,
        [&](const std::string&) -> Result<wire::ServerHandshake::Served> { return served; });
    wire::Transcript transcript(wire::kSyncService);
    transcript.add(said);
    transcript.add(test::ok(server.take(test::ok(wire::parse_message(said)), said)));
    const auto proof = wire::encode_request(2, wire::Proof{transcript.client_mac(alices())});
    said.insert(said.end(), proof.begin(), proof.end());
    restart_random();
    return said;
}

}  // namespace

ParticipantStage::ParticipantStage()
    : served_(scratch() + "/world/served"), outside_(scratch() + "/world/outside") {
    fs::remove_all(scratch() + "/world");
    fs::create_directories(served_ + "/folder");
    fs::create_directory(outside_);
    write_file(outside_ + "/secret", kOutside);
    write_file(served_ + "/file", "what was there before");
    fs::create_symlink("../outside", served_ + "/link");
    fs::create_symlink("../outside/secret", served_ + "/link-to-a-file");
    storage().table.clear();
    storage().states.clear();
    start_anew();
}

ParticipantStage::~ParticipantStage() = default;

void ParticipantStage::start_anew() {
    job_.reset();
    files_.reset();
    files_ = test::ok(filed::Files::open(served_));
    auto checkpoint = test::ok(sync::open_storage(storage().storage()));
    std::vector<sync::SyncPointId> held;
    for (const auto& one : checkpoint->snapshot().table.held())
        held.push_back(one.point.id);
    test::ok(files_->check_can_go_back(held, checkpoint->snapshot().job.empty()));
    job_ = test::ok(sync::Job::open(std::move(checkpoint), program()));
}

ParticipantStage::Tree ParticipantStage::tree() const {
    Tree all;
    for (auto at = fs::recursive_directory_iterator(served_); at != fs::end(at); ++at) {
        if (at->path().filename() == filed::kOwnFolder)
            at.disable_recursion_pending();
        else if (at->is_directory() && !at->is_symlink())
            all[at->path()] = "a folder";
        else if (at->is_regular_file() && !at->is_symlink())
            all[at->path()] = fmt::format("{} {}", at->file_size(), read_file(at->path()));
    }
    return all;
}

/// A rollback brings back all names and bytes.
sync::Program ParticipantStage::program() {
    const auto inner = files_->program();
    return {[this, inner](const sync::SyncPointId& id, const sync::Sink& sink) {
                auto saved = inner.save(id, sink);
                if (saved)
                    saved_[id] = tree();
                return saved;
            },
            [this, inner](const sync::SyncPointId& id, const sync::Source& source) {
                auto restored = inner.restore(id, source);
                if (restored)
                    CHECK(tree() == saved_.at(id));
                return restored;
            },
            inner.forget_before};
}

void ParticipantStage::connect(std::span<const std::byte> stream) {
    const auto& identity = job_->identity();
    SocketPair sockets;
    sockets.say(proof_of_alice({identity.participant, Key::from(identity.seed), {}}));
    sockets.say(stream);
    sockets.end_saying();
    sync::Stream own(std::move(sockets.own), "a client");
    const sync::Session::Terms terms{key_directory(), "alice", 1000, kPatience_ms};
    std::atomic<bool> is_known{false};
    ++connections_;
    sync::Session session(
        terms, connections_, *job_, own, is_known,
        std::make_unique<filed::FileService>(*files_, *job_, filed::kFirstOfNoJob + connections_));
    const auto ended = session.run();
    CHECK(is_known);
    CHECK(ended || !ended.error().message.empty());
}

void ParticipantStage::check_outside() const {
    CHECK(names_in(scratch() + "/world") == std::vector<fs::path>({"outside", "served"}));
    CHECK(names_in(outside_) == std::vector<fs::path>({"secret"}));
    CHECK(read_file(outside_ + "/secret") == kOutside);
}

}  // namespace pmemckpt::fuzz
