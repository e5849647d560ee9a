#include "lib/sync/round.hh"

#include <algorithm>

namespace pmemckpt::sync {

Round::Verdict Round::verdict() const {
    const auto any = [&](Answer answer) { return std::ranges::find(answers_, answer) != answers_.end(); };
    if (any(Answer::none))
        return Verdict::open;
    if (any(Answer::lacks))
        return Verdict::broken;
    return any(Answer::unknown) ? Verdict::in_doubt : Verdict::whole;
}

}  // namespace pmemckpt::sync
