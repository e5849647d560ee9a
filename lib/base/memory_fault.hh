#pragma once
// Memory that can't be had: a bad block of persistent memory, or a mapped file that was cut short. The
// processor says so by SIGBUS, in the middle of a load; here that is an error of the load.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>

namespace pmemckpt {

/// From here on this process can catch faults; a fault outside a try_touch() does what it did before. From
/// any thread, and as often as one likes.
void catch_memory_faults();

namespace detail {
using Touch = void (*)(void* context);
/// Where it faulted; nothing when it went through.
std::optional<const void*> try_touch(Touch touch, void* context);
}  // namespace detail

/// Runs `touch`, which loads and stores and does nothing else: where it faults it is left at once, no
/// destructor of it runs, no lock of it is released. The address that could not be had, or nothing.
template <class Work>
std::optional<const void*> try_touch(Work&& touch) {
    using Plain = std::remove_reference_t<Work>;
    return detail::try_touch([](void* context) { (*static_cast<Plain*>(context))(); }, &touch);
}

/// memcpy; false when one of them can't be had: then some of the bytes are copied.
bool copy_if_readable(std::byte* to, std::span<const std::byte> from);
/// Whether they are zeros, one and all; nothing when they can't be read.
std::optional<bool> is_zero_if_readable(std::span<const std::byte> bytes);
/// crc32c(bytes, before); nothing when they can't be read.
std::optional<std::uint32_t> crc32c_if_readable(std::span<const std::byte> bytes, std::uint32_t before = 0);

}  // namespace pmemckpt
