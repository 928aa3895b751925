-- Skills: what a contact requires, all of it, and what an agent has, each with a level. A set of them is text, such as
-- 'billing=1,german=2', in order of the names, so that the same set is the same text; '' is none.

function skills.reset()
  skills.levels = {}
end

-- The levels by skill of a set.
function skills.read(text)
  if not skills.levels[text] then
    local levels = {}
    for skill, level in string.gmatch(text, '([^,=]+)=(%d+)') do levels[skill] = tonumber(level) end
    skills.levels[text] = levels
  end
  return skills.levels[text]
end

-- Whether who has one set meets the other.
function skills.meets(has, required)
  if required == '' then return true end
  local levels = skills.read(has)
  for skill, level in pairs(skills.read(required)) do
    if (levels[skill] or 0) < level then return false end
  end
  return true
end
