// Records appended by RDMA are read back, in order and whole; a torn tail ends the log, and the next writer
// goes on there.
#include <algorithm>
#include <cerrno>
#include <random>
#include <thread>

#include "lib/client/log_stream.hh"
#include "tests/unit/client_log_fixture.hh"

namespace {

using namespace pmemckpt;
using test::all_records;
using test::bytes_of;
using test::ManagerHere;
using test::Records;

Records some_records(std::size_t count, std::size_t largest) {
    Records records;
    for (std::size_t at = 0; at < count; ++at)
        records.push_back(test::random_bytes(1 + test::generator()() % largest));
    return records;
}

void append_all(client::Appender& appender, const Records& records) {
    auto sequence = appender.sequence();
    for (const auto& record : records)
        test::equal(test::ok(appender.append(record)), ++sequence);
}

void records_of_many_sizes_come_back() {
    ManagerHere here;
    const auto client = here.connect(), reader = here.connect("bob");
    test::ok(client->create_region("log", {}, true));
    test::error(client->read_log("log"), ENODATA);
    Records records;
    for (const std::size_t size : {1, 7, 8, 9, 47, 48, 4096, 65'535, 65'536, 65'537, 300'000, 5'000'001})
        records.push_back(test::random_bytes(size));
    for (auto& record : some_records(3000, 700))
        records.push_back(std::move(record));
    for (auto& record : some_records(40, 200'000))
        records.push_back(std::move(record));
    std::shuffle(records.begin(), records.end(), test::generator());
    {
        const auto appender = test::ok(client->open_log("log"));
        test::equal(appender->generation(), 0U);
        append_all(*appender, records);
        test::ok(appender->flush());
        test::equal(appender->sequence(), records.size());
        CHECK(all_records(*reader, "log") == records);
        test::error(appender->append({}), EINVAL);
    }
    const auto again = test::ok(client->open_log("log"));  // goes on where it ended
    const auto more = some_records(10, 100);
    append_all(*again, more);
    test::ok(again->flush());
    records.insert(records.end(), more.begin(), more.end());
    CHECK(all_records(*reader, "log") == records);
    test::equal(test::ok(client->find_region("log")).log_id != 0, true);
}

/// Flushed after each: each is there at once, for a reader that stays open while the log grows.
void a_reader_follows_a_log_that_grows() {
    ManagerHere here;
    const auto client = here.connect(), other = here.connect("bob");
    test::ok(client->create_region("grow", {}, true));
    const auto appender = test::ok(client->open_log("grow"));
    const auto log = test::ok(other->read_log("grow"));
    CHECK(!test::ok(log->next()));
    std::uint64_t sequence = 0;
    for (int round = 0; round < 60; ++round) {
        const auto records = some_records(5, 100'000);
        append_all(*appender, records);
        test::ok(appender->flush());
        CHECK(test::read_on(*log, sequence + 1) == records);
        sequence += records.size();
    }
    test::ok(log->skip_to(7));
    test::equal(test::ok(log->next())->sequence, 8U);
    test::ok(log->skip_to(sequence));
    CHECK(!test::ok(log->next()));
    test::error(log->skip_to(sequence + 1), ERANGE);
}

std::vector<std::byte> joined(const Records& records) {
    std::vector<std::byte> bytes;
    for (const auto& record : records)
        bytes.insert(bytes.end(), record.begin(), record.end());
    return bytes;
}

void check_part(client::LogStream& stream, const std::vector<std::byte>& whole, std::uint64_t offset,
                std::size_t size) {
    std::vector<std::byte> part(size);
    part.resize(test::ok(stream.read(offset, part)));
    const auto from = std::min<std::uint64_t>(offset, whole.size());
    const auto wanted = std::span(whole).subspan(from, std::min<std::size_t>(size, whole.size() - from));
    CHECK(std::ranges::equal(part, wanted));
}

/// Read here and there, from several threads, while it is written, and when it has ended.
void a_log_is_read_as_bytes() {
    ManagerHere here;
    const auto client = here.connect(), reader = here.connect("bob");
    test::ok(client->create_region("bytes", {}, true));
    test::error(client::LogStream::open(reader, "bytes"), ENODATA);
    auto appender = test::ok(client->open_log("bytes"));
    const auto stream = test::ok(client::LogStream::open(reader, "bytes"));
    test::equal(test::ok(stream->size()), 0U);
    auto records = some_records(2000, 3000);
    records.push_back(test::random_bytes(3'000'000));
    append_all(*appender, records);
    test::ok(appender->flush());
    auto whole = joined(records);
    test::equal(test::ok(stream->size()), whole.size());
    const auto check_all = [&](client::LogStream& of, int rounds) {
        std::vector<std::jthread> threads;
        for (unsigned seed = 0; seed < 3; ++seed)
            threads.emplace_back([&, random = std::mt19937(seed + test::generator()())]() mutable {
                for (int round = 0; round < rounds; ++round)
                    check_part(of, whole, random() % (whole.size() + 100), random() % 100'000);
            });
        threads.clear();
        for (std::uint64_t at = 0; at < whole.size() + 1; at += 777'777)
            check_part(of, whole, at, 777'777);
    };
    check_all(*stream, 30);
    append_all(*appender, {bytes_of("the last one")});
    test::ok(appender->flush());
    test::save(*client, "bytes", bytes_of("state"));  // ends it
    const auto last = bytes_of("the last one");
    whole.insert(whole.end(), last.begin(), last.end());
    test::equal(test::ok(stream->size()), whole.size());
    check_all(*stream, 3);  // each way back is one from the start
    appender = test::ok(client->open_log("bytes"));
    append_all(*appender, {bytes_of("of another log")});
    test::ok(appender->flush());
    test::ok(client->destroy_region("bytes"));
    check_part(*stream, whole, whole.size() - 5, 10);
    test::equal(test::ok(stream->size()), whole.size());
}

/// A cursor's place in a long log is found by the manager, not by reading all that lies before.
void skipping_reads_nothing() {
    if (test::transport() == "verbs")
        test::skip("a device does not tell its host how much it has sent");
    ManagerHere here({}, 256 * kMiB);
    const auto client = here.connect(), reader = here.connect("bob");
    test::ok(client->create_region("long", {}, true));
    const auto appender = test::ok(client->open_log("long"));
    const auto records = some_records(40, 1'000'000);
    append_all(*appender, records);
    append_all(*appender, {bytes_of("last")});
    test::ok(appender->flush());
    const auto log = test::ok(reader->read_log("long"));
    const auto before = here.bytes_sent();
    test::ok(log->skip_to(records.size()));
    test::equal(test::text_of(test::ok(log->next())->bytes), "last");
    CHECK(before > 0 && here.bytes_sent() - before < 10'000);
    test::equal(test::ok(reader->payload_before("long", log->log_id(), records.size())),
                joined(records).size());
    test::error(reader->payload_before("long", log->log_id() + 1, 0), ESTALE);
    test::error(reader->payload_before("long", log->log_id(), records.size() + 2), ERANGE);
}

void a_generation_ends_the_log() {
    ManagerHere here;
    const auto client = here.connect(), other = here.connect("bob");
    test::ok(client->create_region("ends", {}, true));
    auto appender = test::ok(client->open_log("ends"));
    append_all(*appender, {bytes_of("one"), bytes_of("two")});
    test::ok(appender->flush());
    const auto log = test::ok(other->read_log("ends"));
    test::equal(test::text_of(test::ok(log->next())->bytes), "one");
    test::save(*client, "ends", bytes_of("state"));
    test::equal(test::text_of(test::ok(log->next())->bytes), "two");  // its pages stay while it is read
    test::contains(test::error(log->next(), ESTALE), "ended");
    test::error(other->read_log("ends"), ENODATA);
    test::contains(test::error(appender->append(bytes_of("three")), ESTALE), "open it anew");
    test::ok(client->state());  // it was not sent, so nothing was terminated
    appender = test::ok(client->open_log("ends"));
    test::equal(appender->generation(), 1U);
    append_all(*appender, {bytes_of("first")});
    test::ok(appender->flush());
    test::equal(all_records(*other, "ends").size(), 1U);
    test::ok(client->clear("ends"));
    test::error(appender->append(bytes_of("x")), ESTALE);
    test::error(other->find_generation("ends"), ENODATA);
    test::error(other->read_log("ends"), ENODATA);
}

/// Its windows die with it: what is queued stays here, and the connection stands.
void a_destroyed_region_ends_the_log() {
    ManagerHere here;
    const auto client = here.connect();
    for (int round = 0; round < 2; ++round) {
        test::ok(client->create_region("gone", {}, true));
        auto appender = test::ok(client->open_log("gone"));
        append_all(*appender, some_records(20, 1'000));  // some of them are not sent yet
        test::ok(client->destroy_region("gone"));
        if (round == 0)
            test::contains(test::error(appender->append(bytes_of("x")), ESTALE), "destroyed");
        appender.reset();
        test::ok(client->state());
        test::error(client->find_region("gone"), ENOENT);
    }
}

/// A reader asks for what is new only when it has read all that it knows of: a log may have been opened again
/// and ended by then, once or more often.
void an_ended_log_is_read_to_its_end() {
    ManagerHere here;
    const auto reader = here.connect("bob");
    test::ok(reader->create_region("ended", {}, true));
    const auto append = [&](const std::string& text) {
        auto writer = here.connect();
        test::ok(writer->take_over("ended"));
        auto appender = test::ok(writer->open_log("ended"));
        append_all(*appender, {bytes_of(text)});
        test::ok(appender->flush());
        return writer;
    };
    append("one");
    const auto log = test::ok(reader->read_log("ended"));
    test::equal(test::text_of(test::ok(log->next())->bytes), "one");
    append("two");
    test::save(*append("three"), "ended", bytes_of("state"));
    test::equal(test::text_of(test::ok(log->next())->bytes), "two");
    test::equal(test::text_of(test::ok(log->next())->bytes), "three");
    test::contains(test::error(log->next(), ESTALE), "ended");
    test::ok(log->skip_to(0));
    test::equal(test::text_of(test::ok(log->next())->bytes), "one");
}

/// The pool is full: what was appended is durable, the rest is refused, and the appender lives on.
void a_full_pool_refuses_and_loses_nothing() {
    ManagerHere here;
    const auto client = here.connect();
    test::ok(client->create_region("full", {}, true));
    const auto appender = test::ok(client->open_log("full"));
    const auto record = test::random_bytes(3 * kMiB);
    std::size_t count = 0;
    for (;; ++count) {
        const auto appended = appender->append(record);
        if (!appended) {
            test::error(appended, ENOSPC);
            break;
        }
    }
    CHECK(count > 10);
    test::ok(appender->flush());
    test::ok(appender->append(bytes_of("small")));
    test::ok(appender->flush());
    test::equal(all_records(*client, "full").size(), count + 1);
}

/// Connections that end in mid-append: what flush() told of is there, what follows is a prefix, and the next
/// one goes on.
void a_torn_tail_is_no_record() {
    ManagerHere here;
    const auto reader = here.connect("bob");
    test::ok(reader->create_region("torn", {}, true));
    Records all;
    for (int round = 0; round < 8; ++round) {
        const auto flushed = some_records(1 + test::generator()() % 20, 50'000);
        const auto lost = some_records(20, 400'000);
        auto client = here.connect();
        {
            const auto appender = test::ok(client->open_log("torn"));
            append_all(*appender, flushed);
            test::ok(appender->flush());
            append_all(*appender, lost);
            here.end();  // as a kill does it, in the middle of what is on its way
            here.start();
        }
        client.reset();
        const auto again = here.connect("bob");
        all.insert(all.end(), flushed.begin(), flushed.end());
        auto found = all_records(*again, "torn");
        CHECK(found.size() >= all.size() && found.size() <= all.size() + lost.size());
        all.insert(all.end(), lost.begin(),
                   lost.begin() + static_cast<std::ptrdiff_t>(found.size() - all.size()));
        CHECK(found == all);
    }
}

void two_can_not_append() {
    ManagerHere here;
    const auto client = here.connect(), other = here.connect();
    test::ok(client->create_region("one", {}, true));
    auto appender = test::ok(client->open_log("one"));
    test::error(other->open_log("one"), EBUSY);
    appender.reset();
    CHECK(other->open_log("one").has_value());
}

}  // namespace

int main() {
    test::clear_environment();
    return test::run("client log",
                     {{"records of many sizes come back", records_of_many_sizes_come_back},
                      {"a reader follows a log that grows", a_reader_follows_a_log_that_grows},
                      {"a log is read as bytes", a_log_is_read_as_bytes},
                      {"skipping reads nothing", skipping_reads_nothing},
                      {"a generation ends the log", a_generation_ends_the_log},
                      {"a destroyed region ends the log", a_destroyed_region_ends_the_log},
                      {"an ended log is read to its end", an_ended_log_is_read_to_its_end},
                      {"a full pool refuses and loses nothing", a_full_pool_refuses_and_loses_nothing},
                      {"a torn tail is no record", a_torn_tail_is_no_record},
                      {"two can't append", two_can_not_append}});
}
