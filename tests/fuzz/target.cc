#include "tests/fuzz/target.hh"

#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "lib/base/log.hh"
#include "tests/support/check.hh"

namespace pmemckpt::fuzz {

namespace {

std::uint64_t state = 0;

/// splitmix64
std::uint64_t next_random() {
    state += 0x9e3779b97f4a7c15;
    auto mixed = state;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    return mixed ^ (mixed >> 31);
}

void fill_random(void* into, std::size_t size) {
    auto* at = static_cast<std::byte*>(into);
    for (; size > 0; --size)
        *at++ = static_cast<std::byte>(next_random());
}

/// Of those that start() begins.
randombytes_implementation fixed_random() {
    randombytes_implementation fixed{};
    fixed.implementation_name = [] { return "fixed"; };
    fixed.random = [] { return static_cast<std::uint32_t>(next_random()); };
    fixed.buf = fill_random;
    return fixed;
}

std::string place_for_scratch() {
    const char* const of_test = ::getenv("TEST_DIRECTORY");
    return of_test ? of_test : ::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
}

class Scratch {
public:
    Scratch() {
        path_ = place_for_scratch() + "/pmemckpt-fuzz.XXXXXX";
        CHECK(::mkdtemp(path_.data()) != nullptr);
    }
    ~Scratch() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    const std::string& path() const { return path_; }

private:
    std::string path_;
};

}  // namespace

void restart_random() {
    static randombytes_implementation fixed = fixed_random();
    static const bool is_set = randombytes_set_implementation(&fixed) == 0 && sodium_init() >= 0;
    require(is_set, "libsodium takes its random numbers from here");
    state = 0;
}

const std::string& scratch() {
    static const Scratch directory;
    return directory.path();
}

void start() {
    // What hostile bytes make the code say is not looked at.
    log::set_level(static_cast<log::Level>(0));
    restart_random();
    test::generator().seed(1);
}

void write_seeds(const std::string& directory) {
    std::filesystem::create_directories(directory);
    start();
    for (const auto& seed : target.seeds()) {
        std::ofstream out(directory + "/" + seed.name, std::ios::binary);
        out.write(reinterpret_cast<const char*>(seed.bytes.data()),
                  static_cast<std::streamsize>(seed.bytes.size()));
    }
}

}  // namespace pmemckpt::fuzz
