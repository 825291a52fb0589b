package profile

import (
	"maps"
	"slices"
)

// Clone is a copy that shares nothing with n.
func (n *Node) Clone() *Node {
	if n == nil {
		return nil
	}
	c := *n
	c.Strings.Forms = slices.Clone(n.Strings.Forms)
	c.Distinct.few = slices.Clone(n.Distinct.few)
	if n.Distinct.registers != nil {
		c.Distinct.registers = n.Distinct.registers.Clone()
	}
	c.Members = maps.Clone(n.Members)
	for name, m := range c.Members {
		c.Members[name] = m.Clone()
	}
	c.Element, c.Map, c.Names = n.Element.Clone(), n.Map.Clone(), n.Names.Clone()
	return &c
}
