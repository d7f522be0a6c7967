// SPDX-License-Identifier: EUPL-1.2

package template

import (
	"fmt"
	"strings"
	"text/template"
	"text/template/parse"

	"dappco.re/go/storebus/store/internal/failure"
)

// The bounds of a template.
const (
	// MaxBytes is the length of the longest template.
	MaxBytes = 64 << 10
	// maxTemplateDepth is the deepest nesting of its blocks and parentheses.
	maxTemplateDepth = 100
)

// The functions that the checker inserts into a template. A template cannot name them
// itself.
const (
	showFunction   = "show"
	valuesFunction = "values"
	pairsFunction  = "pairs"
)

// templateFunctions are the functions that a template may use.
var templateFunctions = map[string]bool{
	"index": true, "len": true, "print": true, "and": true, "or": true, "not": true,
	"eq": true, "ne": true, "lt": true, "le": true, "gt": true, "ge": true,
}

// Error names a mistake in a template, and its place. It wraps ErrInvalidTemplate.
type Error struct {
	// Line and Column are the place, from 1 and in bytes; 0 if Message has the place.
	Line    int
	Column  int
	Message string
}

// Error returns the place and the mistake.
func (mistake *Error) Error() string {
	if mistake.Line == 0 {
		return fmt.Sprintf("invalid template: %s", mistake.Message)
	}
	return fmt.Sprintf("invalid template: line %d, column %d: %s", mistake.Line, mistake.Column, mistake.Message)
}

// Unwrap returns ErrInvalidTemplate.
func (mistake *Error) Unwrap() error { return failure.ErrInvalidTemplate }

// Parse returns the tree of an allowed template. The tree is changed: all output goes
// through showFunction, and range goes over valuesFunction or pairsFunction. text/template
// cannot be interrupted, but these functions can refuse to go on.
func Parse(source string) (*parse.Tree, error) {
	if len(source) > MaxBytes {
		return nil, &failure.TooLargeError{What: "template", Size: len(source), Limit: MaxBytes}
	}
	tree := parse.New("template")
	// The checker names the refused part and its place.
	tree.Mode = parse.SkipFuncCheck
	trees := map[string]*parse.Tree{}
	if _, err := tree.Parse(source, "", "", trees); err != nil {
		return nil, &Error{Message: strings.TrimPrefix(err.Error(), "template: ")}
	}
	checker := &templateChecker{source: source}
	for name := range trees {
		if trees[name] != tree {
			return nil, checker.refuse(trees[name].Root.Pos, "define")
		}
	}
	return tree, checker.list(tree.Root, 0)
}

// Prepare makes a checked tree ready to be executed once.
func Prepare(tree *parse.Tree, functions template.FuncMap, strict bool) (*template.Template, error) {
	prepared := template.New(tree.Name).Funcs(functions)
	if strict {
		prepared = prepared.Option("missingkey=error")
	}
	return prepared.AddParseTree(tree.Name, tree)
}

// templateChecker walks through a tree and refuses everything that is not allowed.
type templateChecker struct {
	source string
	// ranging is set inside a range.
	ranging bool
}

func (checker *templateChecker) refuse(position parse.Pos, word string) error {
	return checker.failure(position, fmt.Sprintf("%q is not allowed; a template has fields, index, len, eq ne lt le gt ge, and or not, print, if, with, and one level of range over the group", word))
}

func (checker *templateChecker) failure(position parse.Pos, message string) error {
	before := checker.source[:min(int(position), len(checker.source))]
	line := strings.Count(before, "\n") + 1
	return &Error{Line: line, Column: len(before) - strings.LastIndexByte(before, '\n'), Message: message}
}

func (checker *templateChecker) list(list *parse.ListNode, depth int) error {
	if list == nil {
		return nil
	}
	for _, node := range list.Nodes {
		if depth > maxTemplateDepth {
			return checker.failure(node.Position(), fmt.Sprintf("blocks are nested more than %d deep", maxTemplateDepth))
		}
		if err := checker.node(node, depth); err != nil {
			return err
		}
	}
	return nil
}

func (checker *templateChecker) node(node parse.Node, depth int) error {
	switch node := node.(type) {
	case *parse.TextNode:
		return nil
	case *parse.ActionNode:
		return checker.action(node, depth)
	case *parse.IfNode:
		return checker.branch(&node.BranchNode, depth)
	case *parse.WithNode:
		return checker.branch(&node.BranchNode, depth)
	case *parse.RangeNode:
		return checker.loop(node, depth)
	case *parse.TemplateNode:
		return checker.refuse(node.Pos, "template")
	case *parse.BreakNode:
		return checker.refuse(node.Pos, "break")
	case *parse.ContinueNode:
		return checker.refuse(node.Pos, "continue")
	default:
		return checker.refuse(node.Position(), node.String())
	}
}

func (checker *templateChecker) action(node *parse.ActionNode, depth int) error {
	if len(node.Pipe.Decl) > 0 {
		return checker.refuse(node.Pos, node.Pipe.String())
	}
	err := checker.pipe(node.Pipe, depth)
	appendCommand(node.Pipe, showFunction)
	return err
}

func (checker *templateChecker) branch(node *parse.BranchNode, depth int) error {
	if err := checker.pipe(node.Pipe, depth); err != nil {
		return err
	}
	if err := checker.list(node.List, depth+1); err != nil {
		return err
	}
	return checker.list(node.ElseList, depth+1)
}

// loop checks a range. It must go over the group, and must not contain another range.
func (checker *templateChecker) loop(node *parse.RangeNode, depth int) error {
	if checker.ranging {
		return checker.failure(node.Pos, `"range" is not allowed within a range`)
	}
	if over := node.Pipe.Cmds; len(over) != 1 || len(over[0].Args) != 1 || (over[0].String() != "." && over[0].String() != "$") || node.Pipe.IsAssign {
		return checker.failure(node.Pos, `"range" goes over the group only: use {{range .}}, {{range $key, $value := .}} or the same with $`)
	}
	checker.ranging = true
	defer func() { checker.ranging = false }()
	err := checker.branch(&node.BranchNode, depth)
	if len(node.Pipe.Decl) > 1 {
		appendCommand(node.Pipe, pairsFunction)
	} else {
		appendCommand(node.Pipe, valuesFunction)
	}
	return err
}

// appendCommand passes the result of a pipeline to a function.
func appendCommand(pipe *parse.PipeNode, function string) {
	pipe.Cmds = append(pipe.Cmds, &parse.CommandNode{
		NodeType: parse.NodeCommand, Pos: pipe.Pos, Args: []parse.Node{parse.NewIdentifier(function).SetPos(pipe.Pos)},
	})
}

func (checker *templateChecker) pipe(pipe *parse.PipeNode, depth int) error {
	if depth > maxTemplateDepth {
		return checker.failure(pipe.Pos, fmt.Sprintf("parentheses are nested more than %d deep", maxTemplateDepth))
	}
	if pipe.IsAssign {
		return checker.refuse(pipe.Pos, pipe.String())
	}
	for _, command := range pipe.Cmds {
		for _, argument := range command.Args {
			if err := checker.argument(argument, depth); err != nil {
				return err
			}
		}
	}
	return nil
}

func (checker *templateChecker) argument(node parse.Node, depth int) error {
	switch node := node.(type) {
	case *parse.BoolNode, *parse.DotNode, *parse.NumberNode, *parse.StringNode:
		return nil
	case *parse.IdentifierNode:
		if !templateFunctions[node.Ident] {
			return checker.refuse(node.Pos, node.Ident)
		}
		return nil
	case *parse.FieldNode:
		return checker.oneName(node.Pos, node.Ident)
	case *parse.VariableNode:
		return checker.oneName(node.Pos, node.Ident[1:])
	case *parse.PipeNode:
		return checker.pipe(node, depth+1)
	default:
		return checker.refuse(node.Position(), node.String())
	}
}

// oneName refuses a field of a field: a value has none.
func (checker *templateChecker) oneName(position parse.Pos, names []string) error {
	if len(names) < 2 {
		return nil
	}
	name := strings.Join(names, ".")
	return checker.failure(position, fmt.Sprintf("a value has no fields; for the key %q use index . %q", name, name))
}
