#!lua flags=no-writes
-- Where the view of presence stands.
--
-- KEYS  prefix   the tenant's prefix
-- ARGV  mode     real | manual
-- Returns {'OK', mark, '1' if the lease holds or ''}
-- O(1).

return { 'OK', view.mark(), view.is_fresh() and '1' or '' }
