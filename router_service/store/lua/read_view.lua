#!lua flags=no-writes
-- Where the view of presence stands.
--
-- KEYS  prefix   the tenant's prefix
-- ARGV  mode     real | manual
-- Returns {'OK', mark, seen, '1' if the lease holds or ''}; seen is the highest revision that anything in it is of
-- O(1).

return { 'OK', view.mark(), view.seen(), view.is_fresh() and '1' or '' }
