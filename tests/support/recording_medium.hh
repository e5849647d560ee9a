#pragma once
// A medium in memory that knows what is durable and what is only stored, for crash tests: power can be cut at
// any persist, before it and after it.
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "lib/media/medium.hh"

namespace pmemckpt::test {

using Image = std::vector<std::byte>;

/// What outlives the medium: its bytes, and what happened to it. Not for several threads, unless nothing is
/// hooked.
struct Tape {
    /// Not `recording`: everything stored counts as durable, and `durable` stays empty. Half the memory and
    /// time.
    explicit Tape(Image image, bool recording = true)
        : stored(std::move(image)), durable(recording ? stored : Image()) {}

    Image stored;   ///< what the process sees
    Image durable;  ///< what a power cut leaves for sure

    /// Called at each persist before it takes effect: all that is in `durable` is safe, any part of the rest
    /// of `stored` may have reached the medium by itself.
    std::function<void(Extent)> before_persist;
    std::function<void(Extent)> after_persist;
    /// 0: goes well; else an errno.
    std::function<int(Extent)> persist_result;
    std::function<int(Extent)> blank_result;

    std::uint64_t persists = 0;
    bool read_only = false;
    std::vector<Extent> bad;  ///< extents that the medium says are bad
    /// A medium that is wrong: persists from this byte on say that they went well, and do nothing.
    std::uint64_t lies_from = UINT64_MAX;
};

class RecordingMedium final : public media::Medium {
public:
    explicit RecordingMedium(std::shared_ptr<Tape> tape) : tape_(std::move(tape)) {}

    std::span<std::byte> bytes() override { return tape_->stored; }
    Status persist(Extent extent) override;
    Status blank(Extent extent) override;
    media::Durability durability() const override { return media::Durability::page; }
    std::vector<Extent> bad_extents() const override { return tape_->bad; }
    const std::string& path() const override { return path_; }

private:
    std::shared_ptr<Tape> tape_;
    std::string path_ = "recording";
};

enum class Reached {
    durable,  ///< only what was persisted
    random,   ///< of what was not, some cache lines
    all,      ///< everything stored
};
/// What a power cut now may leave.
Image cut(const Tape& tape, Reached reached, std::mt19937_64& generator);

}  // namespace pmemckpt::test
