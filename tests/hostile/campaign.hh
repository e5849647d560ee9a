#pragma once
// Runs attacks, and looks after each what has become of the pool, of the manager, and of everybody else.
#include "tests/hostile/attack.hh"

namespace pmemckpt::hostile {

class Campaign {
public:
    explicit Campaign(Field& field) : field_(field) {}

    /// Those with `pattern` in their names. Prints a line for each; whether all were refused.
    bool run(const Attacks& attacks, const std::string& pattern);

private:
    void run_slow(const Attacks& attacks, const std::string& pattern);
    void run_one(const Attack& attack);
    std::string attempt(const Attack& attack);
    void look_after(const Attack& attack);
    void look_at_manager(std::size_t descriptors, std::uint64_t memory);
    void report(const std::string& name, const std::function<std::string()>& told);
    void summarize() const;

    Field& field_;
    unsigned count_ = 0, broken_ = 0;
};

}  // namespace pmemckpt::hostile
