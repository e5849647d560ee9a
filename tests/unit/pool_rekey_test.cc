// Another manager key for a pool: all that it holds stays, the key before opens nothing, and a cut at any
// persist leaves a pool that is opened with one of the keys that lie in the key directory.
#include "lib/pool/rekey.hh"

#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "driver/served_pools.hh"
#include "lib/base/log.hh"
#include "lib/pool/check.hh"
#include "lib/pool/manager_key.hh"
#include "lib/pool/recovery.hh"
#include "tests/support/check.hh"
#include "tests/support/lived_pool.hh"
#include "tests/support/pool_key.hh"

using namespace pmemckpt;
using namespace pmemckpt::pool;

namespace {

using test::Image;
using test::Reached;
using test::Tape;

const Key& next_key() {
    static const Key key = test::key_of(8);
    return key;
}

Result<std::unique_ptr<Pool>> open_with(const std::shared_ptr<Tape>& tape, const Key& key) {
    return Pool::open(std::make_unique<test::RecordingMedium>(tape), key);
}

/// "former" or "next", by the key that opens it, and the state; the other one is rejected, and writes
/// nothing.
std::string opened(const Image& image) {
    std::string found;
    for (const auto* key : {&test::pool_key(), &next_key()}) {
        const auto tape = std::make_shared<Tape>(image, false);
        const auto pool = open_with(tape, *key);
        if (pool) {
            CHECK(found.empty());
            found = (key == &next_key() ? "next\n" : "former\n") + test::digest(**pool);
        } else {
            test::equal(pool.error().code, EKEYREJECTED);
            CHECK(tape->stored == image && tape->persists == 0);
        }
    }
    return found;
}

std::string findings(const Image& image, const Key* key) {
    const auto tape = std::make_shared<Tape>(image, false);
    const CheckProgress silent{[](std::uint64_t) {}, [](std::uint64_t) {}};
    std::string text;
    for (const auto& finding : test::ok(check(test::RecordingMedium(tape), key, silent)).findings)
        text += fmt::format("{}: {}: {}\n", to_string(finding.severity), finding.where, finding.message);
    return text;
}

void all_stays_under_the_next_key() {
    const auto tape = test::make_tape(test::lived_in());
    const auto state = test::digest_of(tape->stored);
    test::RecordingMedium medium(tape);
    test::error(rekey(medium, next_key(), test::pool_key()), EKEYREJECTED);
    test::ok(rekey(medium, test::pool_key(), next_key()));
    test::equal(opened(tape->durable), "next\n" + state);
    test::equal(findings(tape->durable, &next_key()), std::string());
    test::equal(findings(tape->durable, nullptr), std::string());
    for (unsigned slot = 0; slot < 2; ++slot) {
        auto without = tape->durable;
        test::flip(without, format::kSuperblockOffset[slot] + 50);
        test::equal(opened(without), "next\n" + state);
    }
    const auto pool = test::ok(open_with(tape, next_key()));
    test::ok(test::save(*pool, "b", test::random_bytes(5000)));
    test::equal(opened(tape->durable), "next\n" + test::digest(*pool));
    test::ok(rekey(medium, next_key(), test::pool_key()));
    test::equal(opened(tape->durable), "former\n" + test::digest(*pool));
}

/// The switch is the first superblock that is whole: before it the pool is of one key, after it of the other.
void cut_at_any_persist_one_key_opens_it() {
    const auto tape = test::make_tape(test::lived_in());
    const auto state = test::digest_of(tape->stored);
    std::size_t former = 0, next = 0;
    const auto look = [&](const Image& image) {
        const auto found = opened(image);
        CHECK(found == "former\n" + state || found == "next\n" + state);
        former += found.starts_with("former");
        next += found.starts_with("next");
        CHECK(found.starts_with("former") ||
              findings(image, &next_key()).find("damage") == std::string::npos);
        CHECK(found.starts_with("next") ||
              findings(image, &test::pool_key()).find("damage") == std::string::npos);
        test::equal(findings(image, nullptr).find("damage"), std::string::npos);
    };
    tape->before_persist = [&](Extent) {
        for (int round = 0; round < 8; ++round)
            for (const auto reached : {Reached::durable, Reached::random, Reached::all})
                look(test::cut(*tape, reached, test::generator()));
    };
    tape->after_persist = [&](Extent) { look(tape->durable); };
    test::RecordingMedium medium(tape);
    test::ok(rekey(medium, test::pool_key(), next_key()));
    fmt::print("{} images open with the former key, {} with the next\n", former, next);
    CHECK(former > 0 && next > 0);
}

/// Beside the first superblock that is written is one of the key before: known as such, and written anew.
void between_the_two_superblocks() {
    const auto tape = test::make_tape(test::lived_in());
    Image between;
    tape->after_persist = [&](Extent extent) {
        if (extent.at.bytes < format::kJournalOffset && extent.size.bytes == format::kSuperblockBytes &&
            between.empty())
            between = tape->durable;
    };
    test::RecordingMedium medium(tape);
    test::ok(rekey(medium, test::pool_key(), next_key()));
    for (const auto* key : {&next_key(), static_cast<const Key*>(nullptr)})
        test::contains(findings(between, key), "cut: superblock B: it is of the manager key before that of");
    const auto mended = test::make_tape(between);
    test::ok(open_with(mended, next_key()));
    test::equal(findings(mended->durable, &next_key()), std::string());
    // Another key's there, or one that is newer, is none of that.
    auto forged = between;
    const auto other = test::encode(test::superblock_of(between), test::key_of(9));
    std::copy(other.begin(), other.end(), forged.begin() + format::kSuperblockOffset[1]);
    test::error(open_with(std::make_shared<Tape>(forged, false), next_key()), EKEYREJECTED);
    auto newer = test::superblock_of(between);
    newer.sequence += 9;
    const auto bytes = test::encode(newer);
    std::copy(bytes.begin(), bytes.end(), forged.begin() + format::kSuperblockOffset[1]);
    test::error(open_with(std::make_shared<Tape>(forged, false), next_key()), EKEYREJECTED);
    // The next switch of the half forgets the key before: one of its superblocks, put back, is a forgery.
    const auto switched = test::make_tape(tape->durable);
    const auto pool = test::ok(open_with(switched, next_key()));
    for (std::uint32_t keep = 3; pool->info().journal_switches == 0; keep = 7 - keep)
        test::ok(pool->set_retention("team/app", keep, 0));
    for (unsigned slot = 0; slot < 2; ++slot) {
        auto put_back = switched->durable;
        std::copy_n(between.begin() + format::kSuperblockOffset[1], format::kSuperblockBytes,
                    put_back.begin() + static_cast<std::ptrdiff_t>(format::kSuperblockOffset[slot]));
        test::error(open_with(std::make_shared<Tape>(put_back, false), next_key()), EKEYREJECTED);
    }
}

void a_full_disk_changes_nothing() {
    const auto tape = test::make_tape(test::lived_in());
    const auto before = tape->stored;
    test::RecordingMedium medium(tape);
    tape->blank_result = [](Extent) { return ENOSPC; };
    test::error(rekey(medium, test::pool_key(), next_key()), ENOSPC);
    CHECK(opened(tape->durable).starts_with("former"));
    tape->blank_result = nullptr;
    tape->read_only = true;
    test::error(rekey(medium, test::pool_key(), next_key()), EROFS);
}

/// A pool in a file, and its key directory.
struct House {
    House() : path((test::directory() / "pool").string()), keys((test::directory() / "keys").string()) {
        std::filesystem::remove_all(path);
        std::filesystem::remove_all(keys);
        CreateOptions options;
        options.path = path;
        options.size = kMinimumPoolSize;
        uuid = test::ok(Pool::create(options, test::pool_key()));
        test::ok(store_key(keys, pool_key_name(to_string(uuid)), test::pool_key()));
    }
    Result<Rekeyed> rekey() const {
        const auto medium = TRY(media::open_medium(path, media::Use::exclusive));
        return pool::rekey(*medium, keys);
    }
    Result<Key> key() const { return load_key(keys, pool_key_name(to_string(uuid))); }
    Result<Key> next() const { return load_key(keys, next_pool_key_name(to_string(uuid))); }
    Status serve() const {
        return driver::open_pool({"pool", path}, keys).map([](const auto&) {});
    }

    std::string path, keys;
    Uuid uuid{};
};

void the_key_file_is_replaced() {
    const House house;
    test::ok(house.serve());
    const auto rekeyed = test::ok(house.rekey());
    CHECK(rekeyed.pool == house.uuid && !rekeyed.was_cut);
    CHECK(test::ok(house.key()).bytes() != test::pool_key().bytes());
    test::error(house.next(), ENOENT);
    test::ok(house.serve());
    test::error(Pool::open(house.path, test::pool_key()), EKEYREJECTED);
    test::ok(Pool::open(house.path, test::ok(house.key())));
}

/// Cut before the switch: the next key lies there, and opens nothing.
void cut_before_the_switch() {
    const House house;
    test::ok(store_key(house.keys, next_pool_key_name(to_string(house.uuid)), next_key()));
    test::ok(house.serve());
    test::equal(test::ok(house.key()).hexadecimal(), test::pool_key().hexadecimal());
    CHECK(!test::ok(house.rekey()).was_cut);
    test::error(house.next(), ENOENT);
    CHECK(test::ok(house.key()).bytes() != next_key().bytes());
    test::ok(house.serve());
}

/// Cut behind it: a second call, or the manager's start, comes to the end.
void cut_behind_the_switch() {
    for (const bool by_manager : {true, false}) {
        const House house;
        test::ok(store_key(house.keys, next_pool_key_name(to_string(house.uuid)), next_key()));
        {
            const auto medium = test::ok(media::open_medium(house.path, media::Use::exclusive));
            test::ok(pool::rekey(*medium, test::pool_key(), next_key()));
            CHECK(test::ok(find_manager_key(*medium, house.keys)).is_next);
        }
        if (by_manager)
            test::ok(house.serve());
        else
            CHECK(test::ok(house.rekey()).was_cut);
        test::equal(test::ok(house.key()).hexadecimal(), next_key().hexadecimal());
        test::error(house.next(), ENOENT);
        test::ok(house.serve());
    }
}

void without_its_key_nothing_is_done() {
    const House house;
    const auto name = pool_key_name(to_string(house.uuid));
    test::ok(store_key(house.keys, name, next_key(), true));
    test::error(house.rekey(), EKEYREJECTED);
    test::error(house.next(), ENOENT);
    ::unlink(key_path(house.keys, name).c_str());
    test::contains(test::error(house.rekey(), ENOENT), key_path(house.keys, name));
    test::error(house.next(), ENOENT);
    test::ok(store_key(house.keys, name, test::pool_key()));
    const auto served = test::ok(driver::open_pool({"pool", house.path}, house.keys));
    test::error(house.rekey(), EBUSY);
}

}  // namespace

int main() {
    log::set_level(log::Level::error);
    return test::run("pool_rekey",
                     {{"all_stays_under_the_next_key", all_stays_under_the_next_key},
                      {"cut_at_any_persist_one_key_opens_it", cut_at_any_persist_one_key_opens_it},
                      {"between_the_two_superblocks", between_the_two_superblocks},
                      {"a_full_disk_changes_nothing", a_full_disk_changes_nothing},
                      {"the_key_file_is_replaced", the_key_file_is_replaced},
                      {"cut_before_the_switch", cut_before_the_switch},
                      {"cut_behind_the_switch", cut_behind_the_switch},
                      {"without_its_key_nothing_is_done", without_its_key_nothing_is_done}});
}
