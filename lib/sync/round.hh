#pragma once
// One sync point in the making, as its coordinator sees it. No I/O.
#include <cstddef>
#include <vector>

namespace pmemckpt::sync {

class Round {
public:
    enum class Verdict {
        open,      // not all have answered
        whole,     // all hold it: it is what the job is rolled back to
        broken,    // one does not hold it, and never will: the former one stands
        in_doubt,  // none is known to lack it, and of some it is not known whether they hold it
    };

    explicit Round(std::size_t participants) : answers_(participants, Answer::none) {}

    void holds(std::size_t participant) { answers_[participant] = Answer::holds; }
    /// It refused, or promised never to hold it, or its table, asked for after the connection was lost, does
    /// not have it.
    void lacks(std::size_t participant) { answers_[participant] = Answer::lacks; }
    /// The connection was lost before the answer.
    void is_unknown(std::size_t participant) { answers_[participant] = Answer::unknown; }

    Verdict verdict() const;

private:
    enum class Answer { none, holds, lacks, unknown };
    std::vector<Answer> answers_;
};

}  // namespace pmemckpt::sync
