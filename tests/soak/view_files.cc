#include "tests/soak/view_files.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <sstream>
#include <stdexcept>
#include <system_error>

#include "tests/soak/line.hh"
#include "tests/soak/random.hh"
#include "tests/soak/reading.hh"

namespace soak {

namespace {

constexpr std::size_t kPiece = 128 * 1024;

[[noreturn]] void fail(const std::string& path) {
    throw std::system_error(errno, std::generic_category(), path);
}

/// The records in these bytes, or none and "wrong" is said.
std::vector<View> records_in(View bytes, const std::string& what) {
    try {
        auto records = split_records(bytes);
        for (const auto record : records)
            look_at_record(record, what);
        return records;
    } catch (const std::runtime_error& error) {
        say("wrong", {}, what + ": " + error.what());
        return {};
    }
}

/// "8.log:300": its number, whether it is a log, its bytes.
struct Part {
    std::uint64_t generation = 0;
    bool is_log = false;
    std::uint64_t size = 0;
};

std::vector<Part> parts_of(const std::string& text) {
    std::vector<Part> parts;
    std::istringstream words(text);
    for (std::string word; words >> word;)
        parts.push_back({std::stoull(word), word.find(".log:") != std::string::npos,
                         std::stoull(word.substr(word.find(':') + 1))});
    return parts;
}

void tell_unread_part(std::uint64_t region, const Part& part, View bytes, const std::string& what) {
    if (!part.is_log) {
        look_at_image(bytes, what);
        say("read-view", {region, part.generation, bytes.size(), hash_of(bytes), 0});
        return;
    }
    std::uint64_t sum = 0;
    const auto records = records_in(bytes, what);
    for (const auto record : records)
        sum += hash_of(record);
    say("unread", {region, part.generation, records.size(), sum});
}

}  // namespace

std::uint64_t chained(std::uint64_t chain, std::uint64_t hash) {
    return mixed(chain ^ hash) + hash;
}

ViewFile::ViewFile(const fs::path& path)
    : path_(path.string()), descriptor_(::open(path_.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (descriptor_ < 0)
        fail(path_);
}

ViewFile::~ViewFile() {
    ::close(descriptor_);
}

Bytes ViewFile::read() {
    Bytes bytes;
    for (;;) {
        const auto at = bytes.size();
        bytes.resize(at + kPiece);
        const auto got = ::read(descriptor_, bytes.data() + at, kPiece);
        if (got < 0)
            fail(path_);
        bytes.resize(at + static_cast<std::size_t>(got));
        if (got == 0)
            return bytes;
    }
}

std::uint64_t ViewFile::size() const {
    struct stat status {};
    if (::fstat(descriptor_, &status) != 0)
        fail(path_);
    return static_cast<std::uint64_t>(status.st_size);
}

std::string ViewFile::attribute(const std::string& name) const {
    char value[4096];
    const auto size = ::fgetxattr(descriptor_, ("user.pmemckpt." + name).c_str(), value, sizeof value);
    if (size < 0 && errno != ENODATA)
        fail(path_);
    return {value, static_cast<std::size_t>(size < 0 ? 0 : size)};
}

std::uint64_t ViewFile::number(const std::string& name) const {
    const auto value = attribute(name);
    return value.empty() ? 0 : std::stoull(value);
}

void tell_generation_file(const std::string& verb, std::uint64_t region, const fs::path& path) {
    ViewFile file(path);
    const auto number = file.number("generation");
    const auto epoch = file.number("epoch");
    const auto size = file.size();
    const auto bytes = file.read();
    if (bytes.size() != size)
        say("wrong", {},
            path.string() + " has " + std::to_string(size) + " bytes, and " + std::to_string(bytes.size()) +
                " were read");
    look_at_image(bytes, path.string());
    say(verb, {region, number, bytes.size(), hash_of(bytes), epoch});
}

void tell_log_file(const std::string& verb, std::uint64_t region, const fs::path& path) {
    ViewFile file(path);
    const auto generation = file.number("generation");
    const auto bytes = file.read();
    std::uint64_t chain = 0;
    const auto records = records_in(bytes, path.string());
    for (const auto record : records)
        chain = chained(chain, hash_of(record));
    say(verb, {region, generation, records.size(), chain});
}

void tell_unread_file(std::uint64_t region, const fs::path& path) {
    ViewFile file(path);
    const auto parts = parts_of(file.attribute("parts"));
    const auto bytes = file.read();
    std::uint64_t at = 0;
    for (const auto& part : parts) {
        if (part.size > bytes.size() - at) {
            say("wrong", {}, path.string() + " is shorter than its parts");
            return;
        }
        tell_unread_part(region, part, View(bytes).subspan(at, part.size), path.string());
        at += part.size;
    }
    if (at != bytes.size())
        say("wrong", {}, path.string() + " is longer than its parts");
}

}  // namespace soak
