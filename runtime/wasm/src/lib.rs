//! Components: registry, instances, limits, compiled cache.
