#include "tests/hostile/campaign.hh"

#include <cstdio>
#include <future>

#include "tests/support/transport.hh"

namespace pmemckpt::hostile {

namespace {

constexpr unsigned kSettleTime_ms = 15'000;         // till the manager has noticed that all have gone
constexpr std::uint64_t kMemoryMargin = 48 * kMiB;  // that its allocator may keep
constexpr unsigned kDescriptorMargin = 2;           // the honest session may be about to come or go
constexpr std::size_t kNameWidth = 62;

bool is_chosen(const Attack& attack, const std::string& pattern) {
    return attack.name.find(pattern) != std::string::npos;
}

/// Some things that are tried are allowed, and bring nothing.
std::string verdict(const std::string& told) {
    return (told.starts_with("harmless: ") ? "" : "refused: ") + told;
}

}  // namespace

bool Campaign::run(const Attacks& attacks, const std::string& pattern) {
    const auto descriptors = field_.manager.descriptors();
    const auto memory = field_.manager.own_memory();
    run_slow(attacks, pattern);
    for (const auto& attack : attacks)
        if (!attack.slow && is_chosen(attack, pattern) && field_.manager.lives())
            run_one(attack);
    report("afterwards: the manager's descriptors and memory", [&] {
        look_at_manager(descriptors, memory);
        return fmt::format("descriptors {} -> {}, memory {} -> {}", descriptors, field_.manager.descriptors(),
                           format_size(memory), format_size(field_.manager.own_memory()));
    });
    report("afterwards: the victim seals what it was writing", [&] {
        field_.victim.works();
        field_.victim.finish();
        return std::string("sealed, with its checksum");
    });
    summarize();
    return broken_ == 0 && count_ > 2;
}

/// What becomes of the pool is looked at after each.
void Campaign::run_slow(const Attacks& attacks, const std::string& pattern) {
    std::vector<std::pair<const Attack*, std::future<std::string>>> told;
    field_.ground.remember();
    for (const auto& attack : attacks)
        if (attack.slow && is_chosen(attack, pattern))
            told.emplace_back(&attack, std::async(std::launch::async, attack.run, std::ref(field_)));
    for (auto& [attack, text] : told)
        report(attack->name, [&, attack = attack] {
            auto words = text.get();
            look_after(*attack);
            return verdict(words);
        });
}

void Campaign::run_one(const Attack& attack) {
    report(attack.name, [&] { return verdict(attempt(attack)); });
}

std::string Campaign::attempt(const Attack& attack) {
    field_.armed.emplace(field_.arm());
    field_.honest.save();
    if (attack.moves == Moves::nothing)
        field_.honest.only_read();
    field_.ground.remember();
    auto told = attack.run(field_);
    field_.armed.reset();
    look_after(attack);
    return told;
}

void Campaign::look_after(const Attack& attack) {
    if (!field_.manager.lives())
        throw test::Failure("the manager is dead");
    field_.honest.goes_on();
    field_.ground.compare(attack.moves);
    if (field_.is_poisoned())
        throw test::Failure("what was refused lies in the pool");
    field_.victim.works();
}

void Campaign::look_at_manager(std::size_t descriptors, std::uint64_t memory) {
    field_.honest.only_read();
    test::eventually([&] { return field_.manager.descriptors() <= descriptors + kDescriptorMargin; },
                     kSettleTime_ms * test::time_limit_factor());
    const auto now = field_.manager.own_memory();
    if (!test::sanitized() && now > memory + kMemoryMargin)
        throw test::Failure(fmt::format("the manager's own memory went from {} to {}", format_size(memory),
                                        format_size(now)));
}

void Campaign::report(const std::string& name, const std::function<std::string()>& told) {
    ++count_;
    std::string text;
    try {
        text = told();
    } catch (const std::exception& failure) {
        ++broken_;
        text = std::string("BROKEN: ") + failure.what();
    }
    std::printf("%-*s %s\n", static_cast<int>(kNameWidth), name.c_str(), text.c_str());
    std::fflush(stdout);
}

void Campaign::summarize() const {
    std::printf(
        "%u attacks, %u broken; beside them %llu rounds of the honest session, %llu newcomers; %s of "
        "sealed and open pages compared after each (SEED=%llu)\n",
        count_ - 2, broken_, static_cast<unsigned long long>(field_.honest.rounds()),
        static_cast<unsigned long long>(field_.honest.newcomers()),
        format_size(field_.ground.kept_bytes()).c_str(), static_cast<unsigned long long>(test::seed()));
}

}  // namespace pmemckpt::hostile
