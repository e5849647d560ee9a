// A client and a real manager: what is written is what is read, in every order, and the limits hold.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <thread>

#include "lib/base/crc32c.hh"
#include "lib/client/session.hh"
#include "tests/unit/client_fixture.hh"

namespace {

using namespace pmemckpt;
using test::content;
using test::ManagerHere;
using test::save;

void regions_are_made_and_found() {
    ManagerHere here;
    const auto client = here.connect();
    CHECK(test::ok(client->regions()).empty());
    const auto made = test::ok(client->create_region("team/app", {3, 10 * kMiB}, true));
    test::equal(made.owner, "alice");
    test::equal(made.keep, 3U);
    test::error(client->create_region("team/app", {}, true), EEXIST);
    test::equal(test::ok(client->create_region("team/app", {5, 0}, false)).keep, 3U);
    test::equal(test::ok(client->find_region("team/app")).max_size, 10 * kMiB);
    test::error(client->find_region("team/other"), ENOENT);
    test::error(client->create_region("team/.hidden", {}, false), EINVAL);
    test::error(client->find_region(std::string(100'000, 'x')), ENAMETOOLONG);
    test::ok(client->destroy_region("team/app"));
    test::error(client->destroy_region("team/app"), ENOENT);
}

/// More than one message holds.
void long_listings_are_whole() {
    ManagerHere here;
    const auto client = here.connect();
    const std::string suffix(200, 'x');
    for (int count = 0; count < 150; ++count)
        test::ok(client->create_region(fmt::format("r{:03}-{}", count, suffix), {}, true));
    const auto regions = test::ok(client->regions());
    test::equal(regions.size(), 150U);
    for (std::size_t count = 0; count < regions.size(); ++count)
        test::equal(regions[count].name, fmt::format("r{:03}-{}", count, suffix));

    test::ok(client->create_region("many", {1000, 0}, true));
    for (std::uint64_t number = 1; number <= 300; ++number)
        test::equal(test::ok(test::ok(client->begin("many", 0))->seal()).number, number);
    const auto generations = test::ok(client->generations("many"));
    test::equal(generations.size(), 300U);
    test::equal(generations.back().number, 300U);
    test::equal(test::ok(client->status()).generations, 300U);
}

struct Piece {
    std::size_t at = 0, size = 0;
};

std::vector<Piece> shuffled_pieces(std::size_t whole, std::size_t largest) {
    std::vector<Piece> pieces;
    for (std::size_t at = 0; at < whole;) {
        const auto size = std::min<std::size_t>(1 + test::generator()() % largest, whole - at);
        pieces.push_back({at, size});
        at += size;
    }
    std::shuffle(pieces.begin(), pieces.end(), test::generator());
    return pieces;
}

void odd_pieces_in_any_order_arrive() {
    ManagerHere here;
    const auto client = here.connect();
    test::ok(client->create_region("odd", {}, true));
    for (const std::size_t size : {std::size_t{1}, std::size_t{4097}, std::size_t{777'777}, 5 * kMiB + 3}) {
        auto bytes = test::random_bytes(size);
        const auto buffer = test::ok(client->register_memory(bytes));
        const auto writer = test::ok(client->begin("odd", size));
        for (const auto& piece : shuffled_pieces(size, size / 50 + 1)) {
            if (piece.at % 2 == 0)
                test::ok(writer->write(piece.at, buffer, piece.at, piece.size));
            else
                test::ok(writer->write(piece.at, std::span(bytes).subspan(piece.at, piece.size)));
        }
        const auto sealed = test::ok(writer->seal());
        test::equal(sealed.length, size);
        test::equal(sealed.crc32c, crc32c(bytes));
        test::equal(sealed.writer, "alice");
        CHECK(content(*client, "odd") == bytes);
    }
}

void writers_and_readers_in_many_threads() {
    ManagerHere here;
    const auto client = here.connect(), other = here.connect("bob");
    constexpr int kThreads = 6;
    constexpr int kRounds = 4;
    constexpr std::size_t kSize = kMiB + 4711;
    std::vector<std::vector<std::byte>> states;
    for (int thread = 0; thread < kThreads; ++thread) {
        states.push_back(test::random_bytes(kSize));
        test::ok(client->create_region(fmt::format("thread/{}", thread), {2, 0}, true));
    }
    std::atomic<int> good = 0;
    const auto work = [&](int thread) {
        auto& mine = thread % 2 == 0 ? *client : *other;
        const auto region = fmt::format("thread/{}", thread);
        const auto& state = states[static_cast<std::size_t>(thread)];
        for (int round = 0; round < kRounds; ++round) {
            auto writer = mine.begin(region, kSize);
            if (!writer)
                return;
            for (std::size_t at = 0; at < kSize; at += 10'007)
                if (!(*writer)->write(
                        at, std::span(state).subspan(at, std::min<std::size_t>(10'007, kSize - at))))
                    return;
            const auto sealed = (*writer)->seal();
            if (!sealed || sealed->crc32c != crc32c(state))
                return;
            const auto reader = mine.open(region);
            std::vector<std::byte> back(kSize);
            if (!reader || (*reader)->read(0, back) != kSize || back != state)
                return;
            ++good;
        }
    };
    {
        std::vector<std::jthread> threads;
        for (int thread = 0; thread < kThreads; ++thread)
            threads.emplace_back(work, thread);
    }
    test::equal(good.load(), kThreads * kRounds);
}

void parts_are_read() {
    ManagerHere here;
    const auto client = here.connect();
    test::ok(client->create_region("parts", {}, true));
    const auto bytes = test::random_bytes(3 * kMiB + 5);
    save(*client, "parts", bytes);
    const auto reader = test::ok(client->open("parts"));
    for (int round = 0; round < 50; ++round) {
        const auto at = test::generator()() % (bytes.size() + 10);
        std::vector<std::byte> into(1 + test::generator()() % (2 * kMiB), std::byte{0x55});
        const auto expected = at >= bytes.size() ? 0 : std::min(into.size(), bytes.size() - at);
        test::equal(test::ok(reader->read(at, into)), expected);
        if (expected > 0)
            CHECK(std::equal(into.begin(), into.begin() + static_cast<std::ptrdiff_t>(expected),
                             bytes.begin() + static_cast<std::ptrdiff_t>(at)));
        for (std::size_t beyond = expected; beyond < into.size(); ++beyond)
            CHECK(into[beyond] == std::byte{0x55});
    }
    std::byte one{};
    test::equal(test::ok(reader->read(UINT64_MAX, {&one, 1})), 0U);
    test::equal(test::ok(reader->read(0, {})), 0U);

    std::atomic<int> equal = 0;
    {
        std::vector<std::jthread> threads;
        for (int thread = 0; thread < 4; ++thread)
            threads.emplace_back([&] {
                std::vector<std::byte> into(bytes.size());
                if (reader->read(0, into) == bytes.size() && into == bytes)
                    ++equal;
            });
    }
    test::equal(equal.load(), 4);
}

void a_shorter_seal_and_an_empty_one() {
    ManagerHere here;
    const auto client = here.connect();
    test::ok(client->create_region("short", {}, true));
    const auto bytes = test::random_bytes(200'000);
    auto writer = test::ok(client->begin("short", 200'000));
    test::ok(writer->write(0, bytes));
    test::equal(test::ok(writer->seal(100'001)).length, 100'001U);
    CHECK(content(*client, "short") == std::vector(bytes.begin(), bytes.begin() + 100'001));
    test::contains(test::error(writer->write(0, bytes), EINVAL), "is sealed: begin another");
    test::error(writer->seal(), EINVAL);

    writer = test::ok(client->begin("short", 0));
    test::ok(writer->write(0, std::span<const std::byte>()));
    test::error(writer->write(1, std::span<const std::byte>()), ERANGE);
    writer = test::ok(client->begin("short", 0));
    const auto empty = test::ok(writer->seal());
    test::equal(empty.length, 0U);
    test::equal(empty.crc32c, 0U);
    CHECK(content(*client, "short").empty());

    writer = test::ok(client->begin("short", 70'000));  // what is not written is zero
    test::ok(writer->write(69'999, std::span(bytes).first(1)));
    test::ok(writer->seal());
    auto expected = std::vector<std::byte>(70'000);
    expected.back() = bytes[0];
    CHECK(content(*client, "short") == expected);
}

void a_failed_writer_stays_failed() {
    ManagerHere here;
    const auto client = here.connect(), other = here.connect();
    test::ok(client->create_region("failed", {}, true));
    auto bytes = test::random_bytes(1000);
    const auto after_failure = [&](std::unique_ptr<client::Writer> writer, const Status& failed, int code) {
        const auto sentence = test::error(failed, code);
        test::equal(test::error(writer->write(0, bytes), code), sentence);
        test::equal(test::error(writer->flush(), code), sentence);
        test::equal(test::error(writer->seal(), code), sentence);
    };
    const auto begin = [&] { return test::ok(client->begin("failed", 1000)); };
    auto writer = begin();
    auto status = writer->write(1, bytes);
    after_failure(std::move(writer), status, ERANGE);
    writer = begin();
    status = writer->write(UINT64_MAX, std::span(bytes).first(1));
    after_failure(std::move(writer), status, ERANGE);
    const auto buffer = test::ok(client->register_memory(bytes));
    writer = begin();
    status = writer->write(0, buffer, 1, 1000);
    after_failure(std::move(writer), status, ERANGE);
    writer = begin();
    status = writer->write(0, test::ok(other->register_memory(bytes)), 0, 1000);
    after_failure(std::move(writer), status, EINVAL);
    writer = begin();
    status = writer->write(0, nullptr, 0, 0);
    after_failure(std::move(writer), status, EINVAL);
    writer = begin();
    test::error(writer->seal(1001), ERANGE);
    writer.reset();
    test::error(client->open("failed"), ENODATA);
    test::error(client->register_memory({}), EINVAL);
}

void a_wrong_checksum_seals_nothing() {
    ManagerHere here;
    auto options = here.options();
    const auto client = here.connect();
    test::ok(client->create_region("crc", {}, true));
    save(*client, "crc", test::random_bytes(5000));

    const auto session = test::ok(client::Session::connect(client::with_defaults(options)));
    wire::Begin begin;
    begin.region = "crc";
    begin.size = 5000;
    const auto begun = test::ok(session->call<wire::Begun>(begin, client::Milliseconds(60'000)));
    wire::Seal seal;
    seal.draft_id = begun.draft_id;
    seal.length = 5000;
    seal.has_crc = 1;
    seal.crc32c = crc32c(std::vector<std::byte>(5000)) ^ 1;
    test::error(session->call<wire::Generation>(seal, client::Milliseconds(60'000)), EBADMSG);
    test::equal(test::ok(client->generations("crc")).size(), 1U);
    seal.crc32c ^= 1;  // too late: the draft is gone
    test::error(session->call<wire::Generation>(seal, client::Milliseconds(60'000)), ENOENT);
}

/// The checksum is that of the bytes at write(): what a broken program changes meanwhile is noticed, or was
/// not sent.
void memory_changed_too_early_is_noticed() {
    ManagerHere here;
    const auto client = here.connect();
    test::ok(client->create_region("early", {}, true));
    bool noticed = false;
    for (int round = 0; round < 100 && !noticed; ++round) {
        auto bytes = test::random_bytes(8 * kMiB);
        const auto meant = bytes;
        const auto writer = test::ok(client->begin("early", bytes.size()));
        test::ok(writer->write(0, bytes));
        std::fill(bytes.end() - 1000, bytes.end(), std::byte{0});
        const auto sealed = writer->seal();
        if (sealed)
            CHECK(content(*client, "early") == meant);
        else
            test::error(sealed, EBADMSG);
        noticed = !sealed;
    }
    CHECK(noticed);
}

void aborted_drafts_give_their_room_back() {
    ManagerHere here;
    const auto client = here.connect();
    test::ok(client->create_region("abort", {}, true));
    const auto free_pages = test::ok(client->status()).free_pages;
    const auto bytes = test::random_bytes(3 * kMiB);
    for (int round = 0; round < 60; ++round) {  // many times what the pool holds
        auto writer = test::ok(client->begin("abort", free_pages / 2 * test::kPageBytes));
        test::ok(writer->write(0, bytes));
        if (round % 2 == 0)
            test::ok(writer->abort());
    }
    test::equal(test::ok(client->status()).free_pages, free_pages);
    test::error(client->find_generation("abort"), ENODATA);
    auto writer = test::ok(client->begin("abort", 1));
    test::ok(writer->abort());
    test::contains(test::error(writer->seal(), EINVAL), "dropped");
    test::ok(writer->abort());
}

void too_large_is_refused() {
    ManagerHere here;
    const auto client = here.connect();
    test::ok(client->create_region("small", {0, 1000}, true));
    test::ok(client->create_region("large", {}, true));
    test::ok(client->begin("small", 1000));
    test::error(client->begin("small", 1001), EFBIG);
    test::error(client->begin("large", kTiB), ENOSPC);
    test::error(client->begin("large", UINT64_MAX), ENOSPC);
    test::error(client->begin("none", 1), ENOENT);
    const auto free_bytes = test::ok(client->status()).free_pages * test::kPageBytes;
    const auto all = test::ok(client->begin("large", free_bytes));
    test::error(client->begin("large", 1), ENOSPC);
    test::ok(client->state());
}

void a_reader_outlives_retention() {
    ManagerHere here;
    const auto client = here.connect(), other = here.connect("bob");
    test::ok(client->create_region("kept", {1, 0}, true));
    const auto first = test::random_bytes(300'000);
    save(*client, "kept", first);
    const auto reader = test::ok(other->open("kept", 1));
    for (int round = 0; round < 5; ++round)
        save(*client, "kept", test::random_bytes(300'000));
    test::error(other->open("kept", 1), ENOENT);
    test::error(client->find_generation("kept", 1), ENOENT);
    std::vector<std::byte> back(first.size());
    test::ok(reader->read(0, back));
    CHECK(back == first);
    test::equal(reader->generation().number, 1U);
    test::equal(test::ok(client->find_generation("kept")).number, 6U);
}

void a_second_client_waits_for_a_generation() {
    ManagerHere here;
    const auto client = here.connect(), other = here.connect("bob");
    test::ok(client->create_region("waited", {}, true));
    test::contains(test::error(other->wait_generation("waited", 0, 0), ETIMEDOUT), "within 0 ms");
    test::contains(test::error(other->wait_generation("waited", 0, 30), ETIMEDOUT), "within 30 ms");
    test::error(other->wait_generation("nothing", 0, UINT32_MAX), ENOENT);
    std::atomic<std::uint64_t> seen = 0;
    std::jthread waiting([&] {
        while (seen < 5) {
            const auto newest = other->wait_generation("waited", seen, UINT32_MAX);
            if (!newest || newest->number <= seen)
                return;
            seen = newest->number;
        }
    });
    for (std::uint64_t number = 1; number <= 5; ++number) {
        save(*client, "waited", test::random_bytes(100));
        test::eventually([&] { return seen >= number; });
    }
    waiting.join();
    test::equal(test::ok(other->wait_generation("waited", 4, 0)).number, 5U);
    test::equal(test::ok(other->wait_generation("waited", 0, UINT32_MAX)).number, 5U);
}

void what_is_made_of_a_client_outlives_it() {
    ManagerHere here;
    auto client = here.connect();
    test::ok(client->create_region("left", {}, true));
    const auto bytes = test::random_bytes(100'000);
    save(*client, "left", bytes);
    const auto reader = test::ok(client->open("left"));
    const auto writer = test::ok(client->begin("left", bytes.size()));
    client.reset();
    std::vector<std::byte> back(bytes.size());
    test::ok(reader->read(0, back));
    CHECK(back == bytes);
    test::ok(writer->write(0, bytes));
    test::equal(test::ok(writer->seal()).number, 2U);
}

}  // namespace

int main() {
    test::clear_environment();
    return test::run("client",
                     {{"regions are made and found", regions_are_made_and_found},
                      {"long listings are whole", long_listings_are_whole},
                      {"odd pieces in any order arrive", odd_pieces_in_any_order_arrive},
                      {"writers and readers in many threads", writers_and_readers_in_many_threads},
                      {"parts are read", parts_are_read},
                      {"a shorter seal and an empty one", a_shorter_seal_and_an_empty_one},
                      {"a failed writer stays failed", a_failed_writer_stays_failed},
                      {"a wrong checksum seals nothing", a_wrong_checksum_seals_nothing},
                      {"memory changed too early is noticed", memory_changed_too_early_is_noticed},
                      {"aborted drafts give their room back", aborted_drafts_give_their_room_back},
                      {"too large is refused", too_large_is_refused},
                      {"a reader outlives retention", a_reader_outlives_retention},
                      {"a second client waits for a generation", a_second_client_waits_for_a_generation},
                      {"what is made of a client outlives it", what_is_made_of_a_client_outlives_it}});
}
