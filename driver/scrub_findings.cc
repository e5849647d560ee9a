#include "driver/scrub_findings.hh"

#include <utility>

namespace pmemckpt::driver {

ScrubFindings::Key ScrubFindings::key_of(const ScrubVerdict& verdict) {
    return {verdict.served.get(), verdict.generation.region_id, verdict.generation.number};
}

bool ScrubFindings::add(ScrubVerdict verdict, std::int64_t now_ns) {
    const auto key = key_of(verdict);
    if (findings_.contains(key))
        return false;
    if (findings_.size() == kMaximum)
        forget_dropped();
    if (findings_.size() == kMaximum) {
        ++more_;
        return false;
    }
    findings_.emplace(key, ScrubFinding{std::move(verdict), now_ns});
    return true;
}

bool ScrubFindings::remove(const ScrubVerdict& verdict) {
    return findings_.erase(key_of(verdict)) != 0;
}

void ScrubFindings::forget_dropped() {
    std::erase_if(findings_, [](const auto& entry) {
        const auto& verdict = entry.second.verdict;
        return !is_kept(*verdict.served->pool, verdict.region, verdict.generation.region_id,
                        verdict.generation.number);
    });
}

void ScrubFindings::end_pass() {
    forget_dropped();
    more_before_ = std::exchange(more_, 0);
}

std::vector<ScrubFinding> ScrubFindings::all() const {
    std::vector<ScrubFinding> all;
    for (const auto& [key, finding] : findings_)
        all.push_back(finding);
    return all;
}

}  // namespace pmemckpt::driver
