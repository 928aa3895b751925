-- Breaks off in a library, so that the error's place can be looked at.

function trap.spring(what)
  error('sprung by ' .. what)
end
