// A target without libFuzzer: TARGET [FILE|DIRECTORY ...] runs its seeds, and each of these files.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/fuzz/target.hh"

namespace fs = std::filesystem;
using namespace pmemckpt::fuzz;

namespace {

std::vector<fs::path> files_at(const fs::path& path) {
    if (!fs::is_directory(path))
        return {path};
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(path))
        files.push_back(entry.path());
    std::ranges::sort(files);
    return files;
}

void run_file(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    if (!in)
        throw std::runtime_error("can't read " + path.string());
    // In a block of its own size, so that a sanitizer, or valgrind, sees what is read behind it.
    const auto bytes = std::as_bytes(std::span(text));
    const Bytes input(bytes.begin(), bytes.end());
    start();
    target.run(input);
}

void run_seeds() {
    start();
    for (const auto& seed : target.seeds()) {
        fmt::print("seed {}\n", seed.name);
        std::fflush(stdout);
        start();
        target.run(seed.bytes);
    }
}

int run_all(std::span<char*> paths) {
    run_seeds();
    std::size_t count = 0;
    for (const auto* const path : paths)
        for (const auto& file : files_at(path)) {
            fmt::print("{}\n", file.string());  // before, so that a crash has a name
            std::fflush(stdout);
            run_file(file);
            ++count;
        }
    fmt::print("{} inputs\n", count);
    return 0;
}

}  // namespace

int main(int count, char** arguments) {
    return run_all(std::span(arguments, static_cast<std::size_t>(count)).subspan(1));
}
