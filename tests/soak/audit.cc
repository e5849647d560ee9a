#include "tests/soak/audit.hh"

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <functional>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <system_error>
#include <thread>

#include "tests/soak/line.hh"
#include "tests/soak/reading.hh"
#include "tests/soak/view_files.hh"

namespace soak {

namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::json;

constexpr std::chrono::seconds kPagesLimit{30};  // till what dead sessions had open is free
constexpr std::chrono::seconds kMountLimit{30};  // till a mount has connected again
constexpr std::chrono::milliseconds kPause{50};

/// What pmemckpt-ctl list prints.
Json listed(const std::string& options) {
    const auto command = "pmemckpt-ctl list --json " + options;
    std::string output;
    FILE* pipe = ::popen(command.c_str(), "r");
    if (!pipe)
        throw std::system_error(errno, std::generic_category(), command);
    char bytes[4096];
    while (const auto size = ::fread(bytes, 1, sizeof bytes, pipe))
        output.append(bytes, size);
    if (const int status = ::pclose(pipe); status != 0)
        throw std::runtime_error(command + " failed with status " + std::to_string(status));
    return Json::parse(output);
}

class Audit {
public:
    explicit Audit(const Settings& settings) : settings_(settings), prefix_(settings.text("region_prefix")) {}

    void run();

private:
    std::uint64_t index_of(const std::string& region) const {
        return std::stoull(region.substr(prefix_.size()));
    }
    void tell_region(const Json& region);
    void tell_generations(std::uint64_t index, const std::string& name);
    std::uint64_t tell_log(std::uint64_t index, const std::string& name);
    void tell_cursors(std::uint64_t index, const std::string& name);
    void tell_view(std::uint64_t index, const std::string& name);
    void wait_for_mount(const fs::path& mount);
    void wipe();

    const Settings& settings_;
    const std::string prefix_;
    ckpt::Client client_;
};

void Audit::run() {
    const auto regions = listed("");
    for (const auto& region : regions)
        tell_region(region);
    if (settings_.has("mount")) {
        wait_for_mount(settings_.text("mount"));
        for (const auto& region : regions)
            tell_view(index_of(region.at("name")), region.at("name"));
    }
    if (settings_.has("wipe"))
        wipe();
    say("audited", {});
}

void Audit::tell_region(const Json& region) {
    const std::string name = region.at("name");
    const auto index = index_of(name);
    say("region", {index, region.at("epoch"), region.at("keep"), region.at("generations")});
    tell_generations(index, name);
    const auto records = tell_log(index, name);
    const auto& log = region.at("log");
    if (records != (log.is_null() ? 0 : log.at("records").get<std::uint64_t>()))
        say("wrong", {},
            name + ": " + std::to_string(records) + " records were read, and the list says: " + log.dump());
    tell_cursors(index, name);
    say("region-end", {index});
}

void Audit::tell_generations(std::uint64_t index, const std::string& name) {
    for (const auto& listed : client_.generations(name)) {
        const auto reader = client_.open(name, listed.number);
        const auto bytes = read_whole(reader);
        look_at_image(bytes, name + "@" + std::to_string(listed.number));
        say("generation", {index, listed.number, bytes.size(), hash_of(bytes), listed.epoch, listed.pinned});
    }
    std::size_t skipped = 0;
    try {
        client_.recover(name, &skipped);
    } catch (const ckpt::Error& error) {
        if (code_of(error) != ENODATA)
            throw;
    }
    if (skipped != 0)
        say("wrong", {}, name + ": the newest generation does not verify");
}

std::uint64_t Audit::tell_log(std::uint64_t index, const std::string& name) {
    std::uint64_t count = 0;
    try {
        auto log = client_.read_log(name);
        while (const auto record = log.next()) {
            look_at_record(bytes_of(*record), name + ", record " + std::to_string(record->sequence));
            say("entry", {index, record->generation, record->sequence, record->size,
                          hash_of(bytes_of(*record)), record->epoch});
            ++count;
        }
    } catch (const ckpt::Error& error) {
        if (code_of(error) != ENODATA)
            throw;
    }
    return count;
}

void Audit::tell_cursors(std::uint64_t index, const std::string& name) {
    for (const auto& cursor : client_.cursors(name))
        say("cursor-found", {index, cursor.generation, cursor.sequence}, cursor.name);
}

void Audit::tell_view(std::uint64_t index, const std::string& name) {
    const fs::path mount = settings_.text("mount");
    std::uint64_t files = 0;
    for (const auto& entry : fs::directory_iterator(mount / ".generations" / name)) {
        tell_generation_file("generation-file", index, entry.path());
        ++files;
    }
    if (files != 0)
        tell_generation_file("newest-file", index, mount / name);
    if (fs::exists(mount / ".log" / name))
        tell_log_file("log-file", index, mount / ".log" / name);
    say("files", {index, files});
}

/// It connects again when it is used, at most once a second.
void Audit::wait_for_mount(const fs::path& mount) {
    const auto end = Clock::now() + kMountLimit;
    for (;;) {
        std::error_code error;
        const auto entry = fs::directory_iterator(mount / ".generations", error);
        if (!error)
            return;
        if (Clock::now() > end)
            throw std::runtime_error("the mount has not connected again: " + error.message());
        std::this_thread::sleep_for(kPause);
    }
}

void Audit::wipe() {
    for (const auto& region : client_.regions())
        client_.destroy_region(region);
    const auto end = Clock::now() + kPagesLimit;
    for (;;) {
        const auto pool = listed("--pools").at(0);
        const std::uint64_t pages = pool.at("pages");
        const std::uint64_t free = pool.at("free_pages");
        if (free == pages || Clock::now() > end) {
            say("wiped", {free, pages});
            return;
        }
        std::this_thread::sleep_for(kPause);
    }
}

}  // namespace

void run_audit(const Settings& settings) {
    Audit(settings).run();
}

}  // namespace soak
