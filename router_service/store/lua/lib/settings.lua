-- The numbers that routing follows, with the defaults of the rules (all ms unless said).

settings.groups = { 'VOICE', 'MESSAGING', 'MAIL_TASKS' }
settings.pushed_groups = { 'VOICE', 'MESSAGING' }

-- How many messaging conversations are pushed to an agent (R87).
settings.standard_messaging_capacity = 3
-- How long an offer rings before it lapses: a call (R77), a message (R118).
settings.offer_time = { VOICE = 45000, MESSAGING = 30000 }
-- How long the group is held back after a missed or undelivered offer (R117, R138, R142).
settings.miss_pause = { VOICE = 30000, MESSAGING = 30000 }

-- The most offers one step makes: a step that could make more leaves a due-now timer behind.
settings.most_matches = 32

-- How long what is over stays readable: a decided offer as long as a repeat may come, the others a week.
settings.offer_retention = 600000
settings.retention = 7 * 24 * 3600 * 1000
