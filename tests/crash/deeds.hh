#pragma once
// What can be done to a pool, each in one call, in a pool that has been lived in.
#include <functional>
#include <string>
#include <vector>

#include "tests/crash/explorer.hh"

namespace pmemckpt::crash {

/// A pool, opened, with regions "a" and "b", alike: two generations are kept, the newer one a clone of the
/// older; a log with three records, open for append; cursors "backup" and "other"; pages that were in use
/// before, and are free.
std::unique_ptr<World> lived_in();
/// Region `region` of a pool that has gone on since is again as a deed wants it.
Status live_on(World& world, const std::string& region);

struct Deed {
    std::string name;
    std::function<Status(World&)> run;
    /// What has to be there before it, besides.
    std::function<Status(World&)> prepare = {};
    Explorer::Between between = {};
};

/// To region `region` of a pool that was lived in. Each of them goes well there; in the middle of another one
/// it may fail.
std::vector<Deed> deeds(const std::string& region);
Deed deed(const std::string& region, const std::string& name);
/// Those of them that persist something before their journal record is stored, so that others come between.
std::vector<Deed> deeds_with_a_middle(const std::string& region);

/// Fills the journal's half, to its last byte, with the changes of one region: the next record, of whatever
/// effect, begins the other half.
Status fill_half(World& world);
std::string filler();  ///< that region

}  // namespace pmemckpt::crash
