// Who it is that asks: names that have no key, names that are paths, keys that are another's.
#include "tests/hostile/attack.hh"
#include "tests/hostile/introduction.hh"

namespace pmemckpt::hostile {

namespace {

/// Each step is that of somebody with a wrong key, and the log has a line.
std::string refused_as(Field& field, const std::string& name, const Key& key, const std::string& logged_as) {
    const auto from = field.manager.log_size();
    auto attacker = field.stranger();
    introduce(attacker, hello_of(name), key);
    auto told = closed_with_error(attacker, EKEYREJECTED);
    CHECK(field.manager.has_logged("authentication of principal " + logged_as + " failed", from));
    return told + ", logged";
}

auto unusable(const std::string& name) {
    return
        [=](Field& field) { return refused_as(field, name, field.key("victim"), "with an unusable name"); };
}

auto without_key(const std::string& name) {
    return [=](Field& field) { return refused_as(field, name, field.key("mallory"), name); };
}

std::string without_key_and_an_empty_one(Field& field) {
    return refused_as(field, "nobody", Key(), "nobody");
}

std::string key_of_another(Field& field) {
    return refused_as(field, "victim", field.key("mallory"), "victim");
}

/// It lies in the same directory, and the attacker has it.
std::string key_of_the_pool(Field& field) {
    auto oracle = field.stranger();
    const auto uuid = to_string(Introduction(oracle, hello_of("mallory")).challenge().pool_uuid);
    const auto name = pool_key_name(uuid);
    return refused_as(field, name, field.key(name), name);
}

/// "pool-" and a UUID in other letters names the same file only where the system does not tell them apart.
std::string key_of_the_pool_in_capitals(Field& field) {
    auto oracle = field.stranger();
    const auto uuid = to_string(Introduction(oracle, hello_of("mallory")).challenge().pool_uuid);
    auto capitals = uuid;
    for (auto& letter : capitals)
        letter = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
    return refused_as(field, "pool-" + capitals, field.key(pool_key_name(uuid)), "pool-" + capitals);
}

auto no_pool(const std::string& pool) {
    return [=](Field& field) {
        auto attacker = field.stranger();
        attacker.post(hello_of("mallory", pool));
        return closed_with_error(attacker, ENOENT);
    };
}

/// A line of the manager's own can't be made up.
std::string forged_log_line(Field& field) {
    const std::string forged = "pmemckptd: region victim/app was taken over by nobody";
    const auto from = field.manager.log_size();
    auto attacker = field.stranger();
    attacker.post(hello_of("mallory", "x\n" + forged + "\n\x1b[2J"));
    const auto told = closed_with_error(attacker, ENOENT);
    CHECK(field.manager.has_logged("this manager has no pool", from));
    const auto log = field.manager.log_from(from);
    CHECK(log.find("\n" + forged) == std::string::npos && log.find('\x1b') == std::string::npos);
    return told + ", one line of the log, nothing but text in it";
}

std::string same_answers(Field& field) {
    for (const auto* name : {"victim", "nobody", "../keys/victim"}) {
        auto attacker = field.stranger();
        const Introduction introduction(attacker, hello_of(name));
        test::equal(introduction.challenge_message().size(), std::size_t{16 + 2 + 32 + 16 + 32});
        attacker.post(wire::Proof{});
        closed_with_error(attacker, EKEYREJECTED);
    }
    return "CHALLENGE and EKEYREJECTED alike, with a key and without";
}

}  // namespace

Attacks principals() {
    using namespace std::string_literals;
    return {
        {"principal: one that has no key", without_key("nobody")},
        {"principal: one that has no key, and a key of zeros", without_key_and_an_empty_one},
        {"principal: the victim's name, the attacker's key", key_of_another},
        {"principal: the pool, with its own key", key_of_the_pool},
        {"principal: the pool in capitals, with its own key", key_of_the_pool_in_capitals},
        {"principal: an empty name", unusable("")},
        {"principal: ../keys/victim", unusable("../keys/victim")},
        {"principal: ./victim", unusable("./victim")},
        {"principal: a name from the root on", unusable("/etc/hostname")},
        {"principal: .victim", unusable(".victim")},
        {"principal: victim and a NUL", unusable("victim\0"s)},
        {"principal: victim, a NUL, and more", unusable("victim\0.pub"s)},
        {"principal: victim and a newline", unusable("victim\n")},
        {"principal: victim and a blank", unusable("victim ")},
        {"principal: victim.key", without_key("victim.key")},
        {"principal: 64 letters", without_key(std::string(64, 'x'))},
        {"principal: 65 letters", unusable(std::string(65, 'x'))},
        {"principal: 16000 letters", unusable(std::string(16'000, 'x'))},
        {"principal: bytes that are no text", unusable("\xff\xfe\x80"s)},
        {"principal: who has a key and who has none are answered alike", same_answers},
        {"pool: one that is not there", no_pool("nothing")},
        {"pool: a path", no_pool("../pool")},
        {"pool: pool and a NUL", no_pool("pool\0"s)},
        {"pool: 16000 letters", no_pool(std::string(16'000, 'x'))},
        {"pool: a name with a line for the log in it", forged_log_line},
    };
}

}  // namespace pmemckpt::hostile
