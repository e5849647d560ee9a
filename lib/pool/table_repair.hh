#pragma once
// What a repair makes of the tables in memory. Nothing is written here.
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "lib/base/units.hh"
#include "lib/pool/recovery.hh"
#include "lib/pool/repair.hh"

namespace pmemckpt::pool {

class TableRepair {
public:
    /// Keeps references to all of them but `found`.
    TableRepair(std::span<const std::byte> medium, Recovered& tables, const CheckReport& found,
                RepairPlan& plan);

    /// So many records are lost: each number that one of them may have given out is not given out again.
    void raise_numbers(std::uint64_t lost);
    /// Takes out of the tables what can't be good, region by region.
    void run();
    /// Bytes of logs that cursors now rely on: to be durable before the tables are.
    const std::vector<Extent>& relied_on() const { return relied_on_; }

private:
    void repair_region(Region& region);
    void drop_bad_generations(Region& region);
    LogPlace repair_log(Region& region, std::uint64_t generation);
    void drop_unreadable_pages(Region& region);
    void shorten(Region& region, std::uint64_t pages);
    void keep_remains(const Region& region, std::uint64_t generation, const LogPlace& end, bool all);
    void skip_later(Region& region);
    void give_back_unused(Region& region, const LogPlace& end);
    void repair_cursors(Region& region, bool newest_dropped, const LogPlace& end);
    void rely_on(const Region& region, const LogPlace& end);
    void note(std::string where, std::string message);

    const std::span<const std::byte> medium_;
    Recovered& tables_;
    RepairPlan& plan_;
    std::map<std::string, std::vector<CheckReport::BadGeneration>> bad_;  ///< by region, numbers rising
    std::vector<Extent> relied_on_;
};

}  // namespace pmemckpt::pool
