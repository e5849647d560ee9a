// Who writes a generation is told why that can't go on, also where its window died in mid-write.
#include <cerrno>

#include "tests/unit/client_log_fixture.hh"

namespace {

using namespace pmemckpt;
using test::bytes_of;
using test::ManagerHere;
using test::save;

constexpr std::uint64_t kSize = 4 * kMiB;

/// Writes until that fails.
Error write_on(client::Writer& writer) {
    const auto bytes = test::random_bytes(kSize);
    Status status;
    while (status) {
        status = writer.write(0, bytes);
        const auto flushed = writer.flush();  // in any case: the bytes go
        if (status)
            status = flushed;
    }
    return status.error();
}

void check_fenced(ManagerHere& here, client::Client& primary, std::unique_ptr<client::Writer> writer) {
    const auto before = test::ok(here.connect()->generations("region")).size();
    const auto bytes = test::random_bytes(kSize);
    test::ok(writer->write(0, bytes));
    test::ok(writer->flush());
    test::ok(here.connect("bob")->take_over("region"));
    const auto error = write_on(*writer);
    test::equal(error.code, ESTALE);
    test::contains(error.message, "fenced: region region was taken over by bob at 20");
    test::contains(test::error(writer->seal(), ESTALE), "fenced");  // and goes on saying so
    CHECK(!primary.state());
    test::equal(test::ok(here.connect()->generations("region")).size(), before);
}

void a_writer_is_told_that_it_is_fenced() {
    ManagerHere here;
    const auto primary = here.connect();
    test::ok(primary->create_region("region", {}, true));
    check_fenced(here, *primary, test::ok(primary->begin("region", kSize)));
}

void a_clone_s_writer_too() {
    ManagerHere here;
    const auto primary = here.connect();
    test::ok(primary->create_region("region", {}, true));
    save(*primary, "region", test::random_bytes(kSize));
    test::ok(here.connect("bob")->take_over("region"));  // so that the epoch is not the first one
    const auto heir = here.connect();
    const Extent all{{0}, {kSize}};
    check_fenced(here, *heir, test::ok(heir->begin_clone("region", kSize, {&all, 1})));
}

void a_destroyed_region_is_named() {
    ManagerHere here;
    const auto primary = here.connect();
    test::ok(primary->create_region("region", {}, true));
    const auto writer = test::ok(primary->begin("region", kSize));
    test::ok(here.connect("bob")->destroy_region("region"));
    const auto error = writer->seal();
    CHECK(!error);
    test::contains(error.error().message, "region");
    test::equal(error.error().code, ENOENT);
}

/// He may do other things there still, and the connection that ended did not say why.
void a_withdrawn_right_is_named() {
    ManagerHere here;
    here.administrators = {};
    here.end();
    here.start();
    const auto owner = here.connect();
    test::ok(owner->create_region("region", {}, true));
    const auto let_bob = [&](Rights rights) { test::ok(owner->grant("region", {"bob", rights.bits()})); };
    let_bob(Rights(Right::read).with(Right::write).with(Right::append));

    const auto first = here.connect("bob");
    const auto writer = test::ok(first->begin("region", kSize));
    test::ok(owner->withdraw("region", {"bob", Rights(Right::write).bits()}));
    const auto written = write_on(*writer);
    test::equal(written.code, EACCES);
    test::contains(written.message, "the right to write in region region was withdrawn");

    const auto second = here.connect("bob");
    const auto appender = test::ok(second->open_log("region"));
    test::ok(owner->withdraw("region", {"bob", Rights(Right::append).bits()}));
    test::ok(appender->append(bytes_of("a record")).map([](auto) {}));
    const auto appended = appender->flush();
    test::equal(appended.error().code, EACCES);
    test::contains(appended.error().message, "the right to append in region region was withdrawn");
}

/// Nobody took it over: what happened stays the reason.
void a_lost_manager_is_no_takeover() {
    ManagerHere here;
    const auto primary = here.connect();
    test::ok(primary->create_region("region", {}, true));
    const auto writer = test::ok(primary->begin("region", kSize));
    here.end();
    const auto gone = write_on(*writer);
    test::contains(gone.message, "was lost");
    CHECK(gone.code != ESTALE);
    here.start();

    const auto again = here.connect();
    const auto other = test::ok(again->begin("region", kSize));
    here.end();
    here.start();  // it is there again before the writer looks
    const auto lost = write_on(*other);
    test::contains(lost.message, "was lost");
    CHECK(lost.code != ESTALE);
}

}  // namespace

int main() {
    test::clear_environment();
    return test::run("client fenced",
                     {{"a writer is told that it is fenced", a_writer_is_told_that_it_is_fenced},
                      {"a clone's writer too", a_clone_s_writer_too},
                      {"a destroyed region is named", a_destroyed_region_is_named},
                      {"a withdrawn right is named", a_withdrawn_right_is_named},
                      {"a lost manager is no takeover", a_lost_manager_is_no_takeover}});
}
