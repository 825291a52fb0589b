package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"sluice/internal/awsconfig"
	"sluice/internal/config"
	"sluice/internal/documents"
	"sluice/internal/setup"
	"sluice/internal/store"
)

// inputFile is a file that an argument named.
type inputFile struct {
	name  string
	below string // its folder in the folder or pattern that was named; empty: there is none
}

// expandFiles replaces folders by all files below them, and patterns by the files
// that match. Whatever else there is, it leaves to who opens it.
func expandFiles(args []string) (files []inputFile, err error) {
	for _, arg := range args {
		info, err := os.Stat(arg)
		var found []string
		folder := arg
		switch {
		case arg == "-", err == nil && !info.IsDir(), err != nil && !hasPattern(arg):
			files = append(files, inputFile{name: arg})
			continue
		case err == nil:
			found, err = filesBelow(arg, nil)
		default:
			folder = fixedFolder(arg)
			found, err = filesBelow(folder, strings.Split(cleanPattern(arg), "/"))
		}
		switch {
		case err != nil:
			return nil, fmt.Errorf("look for inputs: %w", err)
		case len(found) == 0 && hasPattern(arg):
			return nil, fmt.Errorf("look for inputs: no file matches %s", arg)
		case len(found) == 0:
			return nil, fmt.Errorf("look for inputs: there is no file in %s", arg)
		}
		for _, name := range found {
			below, err := filepath.Rel(folder, filepath.Dir(name))
			if err != nil {
				return nil, fmt.Errorf("look for inputs: %w", err)
			}
			files = append(files, inputFile{name, below})
		}
	}
	return files, nil
}

// filesBelow are the files below a folder, sorted; with a pattern, those whose
// paths match it. Names with a dot in front are hidden: neither they nor what is
// below them counts. Links to folders are not followed.
func filesBelow(folder string, pattern []string) (names []string, err error) {
	err = filepath.WalkDir(folder, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name != folder && strings.HasPrefix(entry.Name(), "."):
			if entry.IsDir() {
				return filepath.SkipDir
			}
			return nil
		case pattern != nil && !matches(pattern, strings.Split(filepath.ToSlash(name), "/")):
			return nil
		}
		if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() {
			names = append(names, name)
		}
		return nil
	})
	slices.Sort(names)
	return names, err
}

func hasPattern(name string) bool { return strings.ContainsAny(name, "*?[") }

// cleanPattern is a pattern with the spelling that filepath.WalkDir gives names.
func cleanPattern(pattern string) string { return filepath.ToSlash(filepath.Clean(pattern)) }

// fixedFolder is the folder in which all matches of a pattern are.
func fixedFolder(pattern string) string {
	folder := filepath.Clean(pattern)
	for hasPattern(folder) {
		folder = filepath.Dir(folder)
	}
	return folder
}

// matches compares a path with a pattern, name by name, as path.Match does; the
// name ** stands for any number of folders.
func matches(pattern, names []string) bool {
	switch {
	case len(pattern) == 0:
		return len(names) == 0
	case pattern[0] == "**" && matches(pattern[1:], names):
		return true
	case len(names) == 0:
		return false
	case pattern[0] == "**":
		return matches(pattern, names[1:])
	}
	ok, err := path.Match(pattern[0], names[0])
	return err == nil && ok && matches(pattern[1:], names[1:])
}

// inputs finds what the arguments of a command name: files, folders, patterns,
// s3://bucket/prefix, and - for standard input. Each comes once.
func (a *app) inputs(ctx context.Context, args []string) (all []documents.Input, err error) {
	buckets := map[string]store.Store{}
	for _, arg := range args {
		var found []documents.Input
		if strings.HasPrefix(arg, "s3://") {
			found, err = a.objects(ctx, arg, buckets)
		} else {
			found, err = a.files(arg)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	slices.SortStableFunc(all, func(a, b documents.Input) int { return cmp.Compare(a.Name, b.Name) })
	return slices.CompactFunc(all, func(a, b documents.Input) bool { return a.Name == b.Name }), nil
}

func (a *app) files(arg string) (all []documents.Input, err error) {
	found, err := expandFiles([]string{arg})
	if err != nil {
		return nil, err
	}
	for _, f := range found {
		name := f.name
		in := documents.Input{Name: name, Once: name == "-"}
		if info, err := os.Stat(name); err == nil && !in.Once {
			in.Size, in.Once = info.Size(), !info.Mode().IsRegular()
		}
		in.Open = func(ctx context.Context) (io.ReadCloser, error) {
			src, err := a.open(ctx, name)
			if err != nil {
				return nil, err
			}
			if f, ok := src.Reader.(*os.File); ok {
				return f, nil // a conversion reads several places of a file at once
			}
			return opened{src.Reader, src.close}, nil
		}
		all = append(all, in)
	}
	return all, nil
}

// opened closes a source.
type opened struct {
	io.Reader
	close func()
}

func (o opened) Close() error {
	o.close()
	return nil
}

// objects are those of a bucket whose keys begin as arg says, or match it.
func (a *app) objects(ctx context.Context, arg string, buckets map[string]store.Store) (all []documents.Input, err error) {
	bucket, prefix, _ := strings.Cut(strings.TrimPrefix(arg, "s3://"), "/")
	if bucket == "" || hasPattern(bucket) {
		return nil, fmt.Errorf("look for inputs: %s names no bucket; write s3://bucket/prefix/", arg)
	}
	var pattern []string
	if i := strings.IndexAny(prefix, "*?["); i >= 0 {
		pattern, prefix = strings.Split(prefix, "/"), prefix[:i]
	}
	s := buckets[bucket]
	if s == nil {
		where, err := config.Buckets(a.getenv)
		if err != nil {
			return nil, err
		}
		if s, err = setup.Bucket(ctx, bucket, where, awsconfig.Load); err != nil {
			return nil, fmt.Errorf("look for inputs: %w", err)
		}
		buckets[bucket] = s
	}
	err = s.List(ctx, prefix, func(info store.Info) error {
		switch {
		case strings.HasSuffix(info.Key, "/") && info.Size == 0: // stands for a folder
			return nil
		case pattern != nil && !matches(pattern, strings.Split(info.Key, "/")):
			return nil
		case info.Err != nil:
			return info.Err
		}
		all = append(all, documents.Input{
			Name: "s3://" + bucket + "/" + info.Key, Size: info.Size,
			Open: func(ctx context.Context) (io.ReadCloser, error) { return s.Open(ctx, info.Key) },
		})
		return nil
	})
	if err == nil && len(all) == 0 {
		err = errors.New("there is no such object")
	}
	if err != nil {
		return nil, fmt.Errorf("look for inputs in %s: %w", arg, err)
	}
	return all, nil
}
