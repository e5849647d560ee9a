// list_generations COUNT PID REGION [LISTINGS]: lists a region LISTINGS times in one session, checks that it
// has the generations 1 to COUNT, and prints how many microseconds of processor time the process PID, the
// manager, took for a listing. REGION "all": each region of the pool.
#include <fmt/format.h>
#include <time.h>

#include <cerrno>
#include <charconv>
#include <string_view>

#include "lib/client/client.hh"

namespace {

using namespace pmemckpt;

Result<std::uint64_t> parse_number(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (status != std::errc() || end != text.data() + text.size() || number < 1 || number > INT32_MAX)
        return fail(EINVAL, "\"{}\" is no number", text);
    return number;
}

Result<double> processor_us(std::uint64_t pid) {
    clockid_t clock{};
    timespec time{};
    if (const int code = ::clock_getcpuclockid(static_cast<pid_t>(pid), &clock); code != 0)
        return fail_errno(code, "the processor time of {}", pid);
    if (::clock_gettime(clock, &time) != 0)
        return fail_errno(errno, "the processor time of {}", pid);
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

Status list(client::Client& client, const std::string& region, std::uint64_t count) {
    std::uint64_t number = 0;
    for (const auto& generation : TRY(client.generations(region)))
        if (generation.number != ++number)
            return fail(EUCLEAN, "{} has generation {} as its {}th", region, generation.number, number);
    if (number != count)
        return fail(EUCLEAN, "{} has {} generations, not {}", region, number, count);
    return {};
}

Status run(int argc, char** argv) {
    if (argc != 4 && argc != 5)
        return fail(EINVAL, "usage: list_generations COUNT PID REGION [LISTINGS]");
    const auto count = TRY(parse_number(argv[1])), pid = TRY(parse_number(argv[2]));
    const auto listings = argc == 5 ? TRY(parse_number(argv[4])) : 1;
    const auto client = TRY(client::Client::connect({}));
    std::vector<std::string> names{argv[3]};
    if (names[0] == "all") {
        names.clear();
        for (const auto& region : TRY(client->regions()))
            names.push_back(region.name);
    }
    if (names.empty())
        return fail(ENOENT, "there is no region");
    TRY(list(*client, names.front(), count));  // the session's own beginnings are not counted
    const auto before = TRY(processor_us(pid));
    for (std::uint64_t listing = 0; listing < listings; ++listing)
        for (const auto& name : names)
            TRY(list(*client, name, count));
    const auto spent = TRY(processor_us(pid)) - before;
    fmt::print("{:.0f}\n", spent / static_cast<double>(listings * names.size()));
    return {};
}

}  // namespace

int main(int argc, char** argv) {
    const auto done = run(argc, argv);
    if (!done)
        fmt::print(stderr, "list_generations: {}\n", done.error().message);
    return done ? 0 : 1;
}
