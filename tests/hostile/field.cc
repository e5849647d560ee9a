#include "tests/hostile/field.hh"

#include "lib/base/crc32c.hh"

namespace pmemckpt::hostile {

namespace {

constexpr std::size_t kMarker = 32;

api::Options honest_options(const Address& address, const std::string& keys) {
    api::Options options;
    options.server = format_address(address);
    options.principal = "tester";
    options.key_dir = keys;
    options.transport = "iwarp";
    return options;
}

}  // namespace

Field::Field(const Address& to, const std::string& pool, std::string keys, ManagerProcess process)
    : address(to),
      manager(std::move(process)),
      ground(pool),
      honest(honest_options(to, keys)),
      victim(to, test::ok(load_key(keys, "victim"))),
      keys_(std::move(keys)),
      marker_(test::random_bytes(kMarker)),
      own_content_(test::random_bytes(kGeneration)) {
    seal_own();
    for (const auto& content : honest.sealed())
        ground.keep(content, kPage);
    for (const auto& content : {victim.content, victim.draft_content, victim.log_content, own_content_})
        ground.keep(content, kPage);
}

void Field::seal_own() {
    auto session = login();
    test::ok(session.ask<wire::Region>(wire::CreateRegion{kOwnRegion, 4, 0, 1}));
    const auto draft = test::ok(session.ask<wire::Begun>(wire::Begin{kOwnRegion, kGeneration}));
    write_all(session, draft.window, own_content_);
    test::ok(session.ask<wire::Generation>(wire::Seal{draft.draft_id, kGeneration, 1, crc32c(own_content_)}));
    test::ok(session.ask<wire::Empty>(wire::Pin{kOwnRegion, 1, 1}));
}

Attacker Field::login(const std::string& principal) const {
    Attacker session(address);
    test::ok(session.authenticate(principal, key(principal)));
    return session;
}

Armed Field::arm() const {
    auto session = login();
    const auto draft = test::ok(session.ask<wire::Begun>(wire::Begin{kOwnRegion, kDraft}));
    const auto opened = test::ok(session.ask<wire::OpenedGeneration>(wire::OpenGeneration{kOwnRegion, 1}));
    return {std::move(session), draft, opened};
}

Bytes Field::poison(std::size_t size) const {
    Bytes bytes(size);
    for (std::size_t at = 0; at < size; ++at)
        bytes[at] = marker_[at % kMarker];
    return bytes;
}

bool Field::is_poisoned() const {
    return ground.holds(marker_);
}

}  // namespace pmemckpt::hostile
