# validate
sandbox "a" { labels = { k = each.key, n = tostring(count.index) } }
output "x" { value = var }
