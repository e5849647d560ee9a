// Reads files of a mount, again and again, whatever becomes of the mount: errors are told, wrong bytes are
// not.
#include "tests/soak/view.hh"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <thread>

#include "tests/soak/orders.hh"
#include "tests/soak/random.hh"
#include "tests/soak/view_files.hh"

namespace soak {

namespace {

constexpr int kErrors[] = {EIO, ENOTCONN, ECONNABORTED, ESTALE, ENOENT, EINTR};

class Reading {
public:
    explicit Reading(const Settings& settings)
        : mount_(settings.text("mount")),
          region_(settings.text("region_prefix")),
          regions_(settings.number("regions")),
          random_(settings.number("writer")) {}

    void read_something();

private:
    void read_generation(std::uint64_t region, const std::string& name);

    fs::path mount_;
    std::string region_;
    std::uint64_t regions_;
    Random random_;
};

void Reading::read_something() {
    const auto region = random_.below(regions_);
    const auto name = region_ + std::to_string(region);
    const auto kind = random_.below(100);
    if (kind < 40)
        tell_generation_file("read-view", region, mount_ / name);
    else if (kind < 60)
        read_generation(region, name);
    else if (kind < 80)
        tell_log_file("log-view", region, mount_ / ".log" / name);
    else
        tell_unread_file(region, mount_ / ".unread" / "view" / name);
}

void Reading::read_generation(std::uint64_t region, const std::string& name) {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(mount_ / ".generations" / name))
        files.push_back(entry.path());
    if (!files.empty())
        tell_generation_file("read-view", region, files[random_.below(files.size())]);
}

}  // namespace

void run_view(const Settings& settings, Orders& orders) {
    Reading reading(settings);
    const auto pause_ms = static_cast<int>(settings.number("pause_ms"));
    for (;;) {
        static_cast<void>(orders.next(pause_ms));
        try {
            reading.read_something();
            continue;
        } catch (const std::system_error& error) {  // a filesystem_error, too
            const auto code = error.code().value();
            const bool expected =
                std::find(std::begin(kErrors), std::end(kErrors), code) != std::end(kErrors);
            say(expected ? "error" : "wrong", {static_cast<std::uint64_t>(code)}, error.what());
        }
    }
}

}  // namespace soak
