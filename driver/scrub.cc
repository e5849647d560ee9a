#include "driver/scrub.hh"

#include "driver/scrub_pace.hh"
#include "lib/base/log.hh"
#include "lib/base/units.hh"
#include "lib/pool/clock.hh"

namespace pmemckpt::driver {

ScrubCounts& ScrubCounts::operator+=(const ScrubCounts& more) {
    generations += more.generations;
    bytes += more.bytes;
    damaged += more.damaged;
    return *this;
}

void Scrub::start() {
    const std::lock_guard lock(mutex_);
    require(life_ == Life::made, "a scrub starts once");
    life_ = Life::started;
    call_next();
}

void Scrub::stop() {
    const std::lock_guard lock(mutex_);
    life_ = Life::stopped;
    services_.deadlines.cancel(deadline_);
}

void Scrub::configure(const ScrubSettings& settings) {
    {
        const std::lock_guard lock(mutex_);
        if (settings == settings_)
            return;
        settings_ = settings;
        if (!reads_)
            call_next();
    }
    if (settings.bandwidth == 0)
        log::notice("scrub: off");
    else
        log::notice("scrub: at most {} a second, and {} s of rest after a pass",
                    format_size(settings.bandwidth), settings.rest_s);
}

// Under the lock: the one call that is to come, by the settings as they are now.
void Scrub::call_next() {
    services_.deadlines.cancel(deadline_);
    ++calls_;
    if (life_ != Life::started || settings_.bandwidth == 0)
        return;
    deadline_ = services_.deadlines.at(
        due(), [this, call = calls_] { services_.workers.post(":scrub", [this, call] { run(call); }); });
}

// Under the lock, and not off.
Scrub::Clock::time_point Scrub::due() const {
    if (pass_)
        return piece_began_ + ScrubPace(settings_.bandwidth).pause(piece_bytes_);
    return passes_ == 0 ? Clock::now() : pass_ended_ + std::chrono::seconds(settings_.rest_s);
}

void Scrub::run(std::uint64_t call) {
    const auto size = begin_piece(call);
    if (!size)
        return;
    if (!reader_)
        begin_pass();
    const auto step = reader_->step(*size);
    if (step.verdict)
        take(*step.verdict);
    if (step.over) {
        reader_.reset();
        tell_pass();
    }
    end_piece(step);
}

/// How much to read; nothing when this call has come too late.
std::optional<std::uint64_t> Scrub::begin_piece(std::uint64_t call) {
    const std::lock_guard lock(mutex_);
    if (life_ != Life::started || call != calls_)
        return {};
    reads_ = true;
    piece_began_ = Clock::now();
    return ScrubPace(settings_.bandwidth).piece();
}

void Scrub::begin_pass() {
    reader_ = std::make_unique<ScrubPass>(services_.pools);
    const auto bytes = kept_bytes(services_.pools);
    const std::lock_guard lock(mutex_);
    pass_ = ScrubPassStatus{{}, bytes, pool::now_ns(), 0};
}

void Scrub::take(const ScrubVerdict& verdict) {
    const bool damaged = !verdict.damage.empty();
    bool fresh = false, healed = false;
    {
        const std::lock_guard lock(mutex_);
        pass_->counts += {1, 0, damaged ? 1U : 0U};
        counts_ += {1, 0, damaged ? 1U : 0U};
        if (damaged)
            fresh = findings_.add(verdict, pool::now_ns());
        else
            healed = findings_.remove(verdict);
    }
    tell(verdict, fresh, healed);
}

void Scrub::tell(const ScrubVerdict& verdict, bool fresh, bool healed) const {
    const auto& generation = verdict.generation;
    if (fresh)
        log::warning(
            "scrub: pool {}, region {}: generation {} is damaged: {}; pmemckpt-ctl restore takes an older "
            "one; stop the manager for pmemckpt-ctl check, which looks at all of the pool, and salvage, "
            "which "
            "brings what is good to files",
            verdict.served->name, verdict.region, generation.number, verdict.damage);
    if (healed)
        log::notice("scrub: pool {}, region {}: generation {} verifies again", verdict.served->name,
                    verdict.region, generation.number);
}

void Scrub::end_piece(const ScrubStep& step) {
    const std::lock_guard lock(mutex_);
    reads_ = false;
    piece_bytes_ = step.bytes;
    pass_->counts.bytes += step.bytes;
    counts_.bytes += step.bytes;
    if (step.over)
        end_pass();
    call_next();
}

// Under the lock.
void Scrub::end_pass() {
    pass_ended_ = Clock::now();
    pass_->ended_ns = pool::now_ns();
    last_ = pass_;
    pass_.reset();
    ++passes_;
    findings_.end_pass();
}

/// The present one, which is over.
void Scrub::tell_pass() {
    ScrubCounts counts;
    std::uint64_t number = 0;
    {
        const std::lock_guard lock(mutex_);
        counts = pass_->counts;
        number = passes_ + 1;
    }
    const auto line = fmt::format("scrub: pass {} is over: {} generations, {} read, {} damaged", number,
                                  counts.generations, format_size(counts.bytes), counts.damaged);
    if (counts.damaged == 0)
        log::info("{}", line);
    else
        log::notice("{}: pmemckpt-ctl status --admin-socket PATH names them", line);
}

ScrubStatus Scrub::status() {
    const std::lock_guard lock(mutex_);
    findings_.forget_dropped();
    ScrubStatus status{settings_, passes_, counts_, last_, pass_, {}, findings_.all(), findings_.more()};
    if (!pass_ && passes_ > 0 && settings_.bandwidth != 0) {
        const auto left = std::chrono::ceil<std::chrono::seconds>(due() - Clock::now()).count();
        status.next_pass_s = static_cast<unsigned>(std::max<std::int64_t>(left, 0));
    }
    return status;
}

}  // namespace pmemckpt::driver
