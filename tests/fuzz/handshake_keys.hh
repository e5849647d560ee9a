#pragma once
// Keys for handshakes: that of a principal, and that of what is served, in files.
#include <string>

#include "lib/wire/handshake.hh"
#include "tests/fuzz/target.hh"
#include "tests/support/check.hh"

namespace pmemckpt::fuzz {

inline constexpr Uuid kServed{0x11, 0x22, 0x33, 0x44, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

inline Key key_of(unsigned char each_byte) {
    std::array<unsigned char, Key::kBytes> bytes{};
    bytes.fill(each_byte);
    return Key::from(bytes);
}
inline const Key& alices() {
    static const Key key = key_of(0xa1);
    return key;
}
/// What alice had before, and may use still.
inline const Key& alices_former() {
    static const Key key = key_of(0xaf);
    return key;
}
inline const Key& served() {
    static const Key key = key_of(0x5e);
    return key;
}

/// Both of alice's keys are there.
inline void store_alices_keys(const std::string& directory) {
    constexpr std::uint64_t kOverlap = 86'400;  // seconds
    test::ok(store_key(directory, "alice", alices_former(), true));
    test::ok(rotate_key(directory, "alice", alices(), kOverlap));
}

/// A directory with alice's keys, and that of what is served for each service.
inline const std::string& key_directory() {
    static const std::string directory = [] {
        auto path = scratch() + "/keys";
        store_alices_keys(path);
        for (const auto& service : {wire::kPoolService, wire::kSyncService})
            test::ok(store_key(path, wire::key_name(service, to_string(kServed)), served()));
        return path;
    }();
    return directory;
}

inline const wire::Service& service_of(unsigned settings) {
    return settings % 2 == 0 ? wire::kPoolService : wire::kSyncService;
}

}  // namespace pmemckpt::fuzz
