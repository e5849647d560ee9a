#pragma once
// A mapped medium: what a pool lies on. The seam for crash tests: what the pool stores, blanks and persists
// goes through here, and what peers write one-sided goes straight into bytes().
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "lib/base/result.hh"
#include "lib/base/units.hh"

namespace pmemckpt::media {

/// How bytes on a medium are known to be persistent; recorded with each generation (format value).
enum class Durability : std::uint8_t { page = 1, gpspm = 2, apm = 3, flush = 4 };
const char* to_string(Durability durability);

/// Threads: all calls may come from any thread; persist of overlapping ranges may overlap.
class Medium {
public:
    virtual ~Medium() = default;

    /// The whole medium, mapped shared; stays at this address for the medium's life.
    virtual std::span<std::byte> bytes() = 0;
    std::span<const std::byte> bytes() const { return const_cast<Medium*>(this)->bytes(); }

    /// The one way metadata gets onto a medium: a copy, persistent only after persist(). The bytes must fit
    /// the medium: where they go has been checked when the pool was opened.
    /// One that the medium can't take is an error of the next persist() of that place.
    virtual void store(Offset at, std::span<const std::byte> bytes);

    /// On return the extent's bytes survive power loss, by this medium's method. EIO when the system says
    /// they may not.
    virtual Status persist(Extent extent) = 0;

    /// On return the extent reads as zeros (not yet durably) and has its space: a store to it can't fail for
    /// want of disk space. ENOSPC otherwise; the extent's old content is lost in any case.
    virtual Status blank(Extent extent) = 0;

    virtual Durability durability() const = 0;
    /// Persistence reaches to the processor's caches (eADR): what has been stored, by a processor or by a
    /// device that writes into the caches, survives power loss with no persist().
    virtual bool stores_are_durable() const { return false; }
    /// What has left the caches for the memory controller survives power loss, by the platform's word: so
    /// RDMA FLUSH, which brings it there, is enough.
    virtual bool flush_is_enough() const { return false; }

    /// What was known to be unreadable when it was mapped: sorted, and never to be touched.
    virtual std::vector<Extent> bad_extents() const { return {}; }
    /// EBADMSG when the system says by now that one of these can't be read. Cheap: nothing of them is loaded,
    /// so what nobody knows yet is not found.
    virtual Status check_present(std::span<const Extent>) const { return {}; }
    /// EACCES when this process may not do any more what persist() takes: after it has become another user.
    virtual Status check_can_persist() const { return {}; }
    /// A pool's page must be a multiple of it, in bytes.
    virtual std::uint64_t alignment() const { return 1; }

    virtual const std::string& path() const = 0;
};

enum class Use { exclusive, read_only };

/// Maps an existing medium: a plain file, or a devdax device. exclusive: takes its lock (open file
/// description lock of the file or the device's node; EBUSY when another holds it). ENOENT; ENODATA when it
/// is empty; EINVAL and ENXIO when no pool can lie there.
Result<std::unique_ptr<Medium>> open_medium(const std::string& path, Use use);

/// Whether it is a device, or is named like one that is not there: then nothing can be made at this path.
bool is_device(const std::string& path);

/// Whether its first MiB, where each file system, partition table and pool begins, holds anything. EBADMSG
/// when it can't be read.
Result<bool> is_in_use(const Medium& medium);

/// Makes a sparse file of this size and maps it with its lock taken. EEXIST when there is one, unless
/// `replace`. On error nothing is left behind.
Result<std::unique_ptr<Medium>> create_file_medium(const std::string& path, Length size, bool replace);

}  // namespace pmemckpt::media
