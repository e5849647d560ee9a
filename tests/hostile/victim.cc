#include "tests/hostile/victim.hh"

#include "lib/base/crc32c.hh"

namespace pmemckpt::hostile {

namespace {

constexpr std::size_t kContent = 3 * 65536 + 100, kLogContent = 1000, kPiece = 32768;

}  // namespace

void write_all(Attacker& session, const wire::Window& window, const Bytes& content) {
    for (std::size_t at = 0; at < content.size(); at += kPiece) {
        const auto piece = std::span(content).subspan(at, std::min(kPiece, content.size() - at));
        session.write(window.key, window.base + at, {piece.begin(), piece.end()});
    }
}

Victim::Victim(const Address& address, const Key& key)
    : content(test::random_bytes(kContent)),
      draft_content(test::random_bytes(kContent)),
      log_content(test::random_bytes(kLogContent)),
      session_(address) {
    authenticate(key);
    test::ok(session_.ask<wire::Region>(wire::CreateRegion{kVictimsRegion, 4, 0, 1}));
    const auto first = test::ok(session_.ask<wire::Begun>(wire::Begin{kVictimsRegion, kContent}));
    write_all(session_, first.window, content);
    test::ok(session_.ask<wire::Generation>(wire::Seal{first.draft_id, kContent, 1, crc32c(content)}));
    draft = test::ok(session_.ask<wire::Begun>(wire::Begin{kVictimsRegion, kContent}));
    write_all(session_, draft.window, draft_content);
    opened = test::ok(session_.ask<wire::OpenedGeneration>(wire::OpenGeneration{kVictimsRegion, 1}));
    log = test::ok(session_.ask<wire::LogGranted>(wire::OpenLog{kVictimsRegion, 65536, 0}));
    session_.write(log.segments.at(0).window.key, 0, log_content);
    works();
}

/// By hand: what is said is kept, for who replays it.
void Victim::authenticate(const Key& key) {
    wire::Hello first;
    first.nonce = wire::random_nonce();
    first.principal = "victim";
    hello = wire::encode_request(1, first);
    session_.send(hello);
    const auto challenge = session_.receive();
    wire::Transcript transcript;
    transcript.add(hello);
    transcript.add(challenge);
    proof = wire::encode_request(2, wire::Proof{transcript.client_mac(key)});
    session_.send(proof);
    welcome = test::ok(session_.answer<wire::Welcome>(session_.receive(), wire::Type::proof, 2));
}

void Victim::works() {
    CHECK(session_.fetch(opened.window, 0, 70'000) == Bytes(content.begin(), content.begin() + 70'000));
    CHECK(session_.fetch(log.segments.at(0).window, 0, kLogContent) == log_content);
}

void Victim::finish() {
    const auto sealed = test::ok(
        session_.ask<wire::Generation>(wire::Seal{draft.draft_id, kContent, 1, crc32c(draft_content)}));
    test::equal(sealed.number, opened.generation.number + 1);
}

}  // namespace pmemckpt::hostile
