// heat: how a long computation goes on where it died.
//
// The 2-D heat equation on a square grid. Every few steps the whole state goes into a region as a new
// generation. Started again, on this host or another, the program finds the newest generation and goes on
// from there; its result is the same, bit for bit, as if nobody had ever disturbed it. What matters is in
// three functions: resume(), write_checkpoint() and simulate().
//
//     heat --region team/heat --steps 1000 --every 100 --output result
#include <getopt.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <pmemckpt/pmemckpt.hh>

namespace {

namespace ckpt = pmemckpt::api;

constexpr std::uint64_t kLargestGrid = 32768;  // 8 GiB
constexpr std::uint64_t kMostSteps = 1'000'000'000'000;
constexpr std::uint64_t kLongestPauseMs = 3'600'000;

struct Settings {
    std::uint64_t size = 1024;  // cells along one side
    std::uint64_t steps = 1000;
    std::uint64_t every = 100;  // steps from one checkpoint to the next
    std::string region = "example/heat";
    std::string output;
    std::uint64_t throttle_ms = 0;     // after each step: a slower computer
    std::uint64_t write_pause_ms = 0;  // in the middle of each checkpoint: a good moment to kill it
};

// What a generation begins with. The library keeps bytes and verifies them; what they mean is for the program
// to say, and to check: a region may hold something else.
struct Header {
    char magic[8];  // "heat-1", in the byte order and with the doubles of who wrote it
    std::uint64_t one;
    std::uint64_t size;
    std::uint64_t step;
};
constexpr char kMagic[8] = "heat-1";
constexpr std::uint64_t kCellsAt = 4096;  // offset of the cells in a generation; the header is before them
static_assert(sizeof(Header) <= kCellsAt);

// All that the computation needs to go on.
struct State {
    explicit State(std::uint64_t the_size) : size(the_size), cells(size * size), next(size * size) {}
    std::uint64_t bytes() const { return cells.size() * sizeof(double); }

    std::uint64_t size;
    std::uint64_t step = 0;
    std::vector<double> cells;
    std::vector<double> next;  // becomes `cells` with each step
};

// A cold plate with one hot edge and a hot square in its middle.
void start_from_nothing(State& state) {
    const auto size = state.size;
    for (std::uint64_t column = 0; column < size; ++column)
        state.cells[column] = 100.0;
    for (auto row = size / 3; row < 2 * size / 3; ++row)
        for (auto column = size / 3; column < 2 * size / 3; ++column)
            state.cells[row * size + column] = 400.0;
    state.next = state.cells;  // the edges never change
}

void advance(State& state) {
    constexpr double kConduction = 0.2;
    const auto size = state.size;
    for (std::uint64_t row = 1; row + 1 < size; ++row) {
        const double* here = state.cells.data() + row * size;
        double* out = state.next.data() + row * size;
        for (std::uint64_t column = 1; column + 1 < size; ++column) {
            const double around =
                here[column - 1] + here[column + 1] + *(here + column - size) + *(here + column + size);
            out[column] = here[column] + kConduction * (around - 4.0 * here[column]);
        }
    }
    std::swap(state.cells, state.next);
    ++state.step;
}

void read_all(const ckpt::Reader& reader, std::uint64_t offset, void* into, std::size_t size) {
    if (reader.read(offset, into, size) != size)
        throw std::runtime_error("the checkpoint is shorter than it should be");
}

void check_header(const Header& header, std::uint64_t length, const Settings& settings) {
    if (std::memcmp(header.magic, kMagic, sizeof kMagic) != 0 || header.one != 1)
        throw std::invalid_argument("region " + settings.region +
                                    " holds something that heat did not write here");
    if (header.size != settings.size)
        throw std::invalid_argument("region " + settings.region + " holds a grid of size " +
                                    std::to_string(header.size) + ", and --size is " +
                                    std::to_string(settings.size) + ": give that size, or another --region");
    if (length != kCellsAt + header.size * header.size * sizeof(double))
        throw std::invalid_argument("region " + settings.region + " has a generation of a wrong length, " +
                                    std::to_string(length));
    if (header.step > settings.steps)
        throw std::invalid_argument("region " + settings.region + " is at step " +
                                    std::to_string(header.step) + " already, beyond --steps " +
                                    std::to_string(settings.steps));
}

// Goes on from the newest generation, if there is one. Returns its number, or 0. The reader holds the
// generation: it can be read to its end, whatever is sealed or dropped meanwhile.
std::uint64_t resume(ckpt::Client& client, const Settings& settings, State& state) {
    const auto reader = client.open_newest(settings.region);
    if (!reader)
        return 0;
    const auto generation = reader->generation();
    Header header = {};
    if (generation.length >= kCellsAt)
        read_all(*reader, 0, &header, sizeof header);
    check_header(header, generation.length, settings);
    read_all(*reader, kCellsAt, state.cells.data(), state.bytes());
    state.next = state.cells;
    state.step = header.step;
    return generation.number;
}

void pause(std::uint64_t milliseconds) {
    if (milliseconds > 0)
        std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
}

// Writes the state as a new generation. Nobody sees it before seal(), and seal() returns when it is durable:
// a kill at any moment leaves the old newest generation or this one, whole. Writes only start with write();
// the memory they are made from must stay as it is until flush() or seal() returned.
ckpt::Generation write_checkpoint(ckpt::Client& client, const Settings& settings, const State& state) {
    Header header = {};
    std::memcpy(header.magic, kMagic, sizeof kMagic);
    header.one = 1;
    header.size = state.size;
    header.step = state.step;

    const auto half = state.bytes() / 2;
    const auto* cells = reinterpret_cast<const char*>(state.cells.data());
    auto writer = client.begin(settings.region, kCellsAt + state.bytes());
    writer.write(0, &header, sizeof header);
    writer.write(kCellsAt, cells, half);
    if (settings.write_pause_ms > 0) {
        writer.flush();
        std::cerr << "writing generation of step " << state.step << ", half of it is there; pausing\n";
        pause(settings.write_pause_ms);
    }
    writer.write(kCellsAt + half, cells + half, state.bytes() - half);
    return writer.seal();
}

// On a terminal one line that changes, otherwise a line per checkpoint.
void report(const Settings& settings, const State& state, const ckpt::Generation& generation) {
    static const bool terminal = ::isatty(STDERR_FILENO) == 1;
    std::cerr << (terminal ? "\r" : "") << "checkpoint: step " << state.step << " of " << settings.steps
              << " is generation " << generation.number;
    if (!terminal || state.step == settings.steps)
        std::cerr << '\n';
}

void simulate(ckpt::Client& client, const Settings& settings, State& state) {
    while (state.step < settings.steps) {
        advance(state);
        if (state.step % settings.every == 0 || state.step == settings.steps)
            report(settings, state, write_checkpoint(client, settings, state));
        pause(settings.throttle_ms);
    }
}

void write_output(const Settings& settings, const State& state) {
    std::ofstream file(settings.output, std::ios::binary | std::ios::trunc);
    file.write(reinterpret_cast<const char*>(state.cells.data()),
               static_cast<std::streamsize>(state.bytes()));
    file.close();
    if (!file)
        throw std::runtime_error("can't write " + settings.output + ": " + std::strerror(errno));
}

void run(const Settings& settings) {
    ckpt::Client client;  // server, principal and key directory are those of the environment
    client.open_region(settings.region);
    State state(settings.size);
    const auto from = resume(client, settings, state);
    if (from == 0)
        start_from_nothing(state);
    std::cerr << (from == 0 ? std::string("no generation of ") + settings.region + " yet: beginning"
                            : "going on from generation " + std::to_string(from) + " of " + settings.region)
              << " at step " << state.step << " of " << settings.steps << '\n';
    simulate(client, settings, state);
    if (!settings.output.empty())
        write_output(settings, state);
    std::cerr << "done: step " << state.step
              << (settings.output.empty() ? "" : ", result in " + settings.output) << '\n';
}

constexpr const char* kHelp =
    "usage: heat [options]\n"
    "The 2-D heat equation, with checkpoints in persistent memory: killed at any moment and\n"
    "started again, it goes on from the newest one.\n"
    "\n"
    "  --size N             cells along one side of the grid, 3 to 32768 (1024)\n"
    "  --steps N            steps to compute in all (1000)\n"
    "  --every N            steps from one checkpoint to the next (100)\n"
    "  --region NAME        where checkpoints go; made when missing (example/heat)\n"
    "  --output FILE        at the end, the grid as raw doubles\n"
    "  --throttle-ms N      pause after each step\n"
    "  --write-pause-ms N   pause in the middle of each checkpoint\n"
    "  --help               this text\n"
    "\n"
    "PMEMCKPT_SERVER, PMEMCKPT_POOL, PMEMCKPT_PRINCIPAL, PMEMCKPT_KEY_DIR and PMEMCKPT_TRANSPORT\n"
    "say where to connect and as whom; see pmemckpt(7). Exit status: 0, 1 failure, 2 wrong options\n"
    "or a region with other contents, 3 no key or pool, 5 pool full, 6 connection lost: start it\n"
    "again to go on, 8 refused.\n";

std::uint64_t number(const char* option, const char* text, std::uint64_t least, std::uint64_t most) {
    std::uint64_t value = 0;
    const char* end = text + std::strlen(text);
    const auto [stop, status] = std::from_chars(text, end, value);
    if (status != std::errc() || stop != end || value < least || value > most)
        throw std::invalid_argument(std::string("--") + option + " is a number from " +
                                    std::to_string(least) + " to " + std::to_string(most) + ", not \"" +
                                    text + "\"");
    return value;
}

void set(Settings& settings, std::string_view option, const char* value) {
    if (option == "size")
        settings.size = number("size", value, 3, kLargestGrid);
    else if (option == "steps")
        settings.steps = number("steps", value, 0, kMostSteps);
    else if (option == "every")
        settings.every = number("every", value, 1, kMostSteps);
    else if (option == "region")
        settings.region = value;
    else if (option == "output")
        settings.output = value;
    else if (option == "throttle-ms")
        settings.throttle_ms = number("throttle-ms", value, 0, kLongestPauseMs);
    else if (option == "write-pause-ms")
        settings.write_pause_ms = number("write-pause-ms", value, 0, kLongestPauseMs);
}

// False: there is nothing more to do.
bool read_options(int count, char** arguments, Settings& settings) {
    static const option kOptions[] = {{"size", required_argument, nullptr, 's'},
                                      {"steps", required_argument, nullptr, 's'},
                                      {"every", required_argument, nullptr, 's'},
                                      {"region", required_argument, nullptr, 's'},
                                      {"output", required_argument, nullptr, 's'},
                                      {"throttle-ms", required_argument, nullptr, 's'},
                                      {"write-pause-ms", required_argument, nullptr, 's'},
                                      {"help", no_argument, nullptr, 'h'},
                                      {nullptr, 0, nullptr, 0}};
    int index = 0;
    for (int found; (found = ::getopt_long(count, arguments, "", kOptions, &index)) != -1;) {
        if (found == 'h') {
            std::cout << kHelp;
            return false;
        }
        if (found != 's')
            throw std::invalid_argument("see heat --help");
        set(settings, kOptions[index].name, optarg);
    }
    if (optind < count)
        throw std::invalid_argument(std::string("what is \"") + arguments[optind] + "\"? See heat --help");
    return true;
}

// The same in every program of pmemckpt: pmemckpt(7), EXIT STATUS.
int exit_status(const ckpt::Error& error) {
    if (error.is_connection())
        return 6;
    switch (error.code().value()) {
        case EINVAL: return 2;
        case ENOENT: return 3;
        case ENOSPC:
        case EFBIG: return 5;
        case EACCES:
        case EPERM:
        case EKEYREJECTED:
        case ESTALE: return 8;
        default: return 1;
    }
}

}  // namespace

int main(int count, char** arguments) {
    try {
        Settings settings;
        if (read_options(count, arguments, settings))
            run(settings);
        return 0;
    } catch (const ckpt::Error& error) {
        std::cerr << "heat: " << error.what() << '\n';
        return exit_status(error);
    } catch (const std::invalid_argument& error) {
        std::cerr << "heat: " << error.what() << '\n';
        return 2;
    } catch (const std::exception& error) {
        std::cerr << "heat: " << error.what() << '\n';
        return 1;
    }
}
