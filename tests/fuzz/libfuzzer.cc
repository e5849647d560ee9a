// What libFuzzer calls.
#include <algorithm>
#include <cstdlib>
#include <random>
#include <string_view>

#include "tests/fuzz/target.hh"

using namespace pmemckpt::fuzz;

// Of libFuzzer: changes `data` in place, of which `maximum` bytes have room, and returns its new size.
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t maximum);

namespace {

constexpr unsigned kUnmended = 4;  // of so many mutated inputs one is left as it is

}  // namespace

/// FUZZER --seeds DIRECTORY writes the seeds there.
extern "C" int LLVMFuzzerInitialize(int* count, char*** arguments) {
    if (*count == 3 && std::string_view((*arguments)[1]) == "--seeds") {
        write_seeds((*arguments)[2]);
        std::exit(0);
    }
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    start();
    target.run(std::as_bytes(std::span(data, size)));
    return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t maximum,
                                               unsigned seed) {
    std::minstd_rand generator(seed);
    size = LLVMFuzzerMutate(data, size, maximum);
    if (!target.mend || generator() % kUnmended == 0)
        return size;
    const auto* const from = reinterpret_cast<const std::byte*>(data);
    Bytes input(from, from + size);
    target.mend(input, static_cast<unsigned>(generator()));
    size = std::min(input.size(), maximum);
    std::copy_n(reinterpret_cast<const std::uint8_t*>(input.data()), size, data);
    return size;
}
