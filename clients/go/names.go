package mulligan

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	metav1 "mulligan.internal/client/gen/metav1"
)

var uuid = regexp.MustCompile(`(?i)^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// withIDs gives a request with ids in the place of names; itself, if it has no names.
func withIDs(ctx context.Context, meta *MetaService, method *Method, request proto.Message) (proto.Message, error) {
	if !hasNames(method, request) {
		return request, nil
	}
	changed := proto.Clone(request)
	// Projects and regions come first: they say where the others are looked for.
	for _, within := range []bool{false, true} {
		for _, reference := range method.References {
			if (objects[reference.Types[0]].Naming != NamingInstallation) != within {
				continue
			}
			names := namesAt(changed, reference.Path)
			if len(names) == 0 {
				continue
			}
			ids, err := find(ctx, meta, method, changed, reference, names)
			if err != nil {
				return nil, err
			}
			replaceTexts(changed.ProtoReflect(), reference.Path, ids)
		}
	}
	return changed, nil
}

func hasNames(method *Method, request proto.Message) bool {
	for _, reference := range method.References {
		if len(namesAt(request, reference.Path)) > 0 {
			return true
		}
	}
	return false
}

// find gives the ids of names that a reference may mean, in the request's project and region.
func find(ctx context.Context, meta *MetaService, method *Method, request proto.Message, reference Reference, names []string) (map[string]string, error) {
	ids := map[string]string{}
	for _, referred := range reference.Types {
		for _, objectType := range objects[referred].FoundAs {
			asked := &metav1.ResolveNamesRequest{ObjectType: objectType, Names: names}
			switch objects[objectType].Naming {
			case NamingProject:
				asked.Project = first(textsAt(request, Path{"project"}))
			case NamingRegion:
				asked.Region = regionOf(method, request)
			}
			answer, err := meta.ResolveNames(ctx, asked)
			if err != nil {
				return nil, err
			}
			for _, found := range answer.Objects {
				if id, known := ids[found.Asked]; known && id != found.Id {
					return nil, nameError("AMBIGUOUS_NAME", codes.FailedPrecondition, reference, found.Asked, "several objects of type %s are called %q; give the UUID of the one you mean")
				}
				ids[found.Asked] = found.Id
			}
		}
	}
	for _, name := range names {
		if ids[name] == "" {
			return nil, nameError("NOT_FOUND", codes.NotFound, reference, name, "no %s is called %q")
		}
	}
	return ids, nil
}

func nameError(code string, said codes.Code, reference Reference, name, words string) *Error {
	types := strings.Join(reference.Types, " or ")
	return &Error{Code: code, Status: said, Message: fmt.Sprintf(words, types, name), ObjectType: types, ObjectID: name}
}

func regionOf(method *Method, request proto.Message) string {
	for _, lead := range method.Leads {
		if lead.IsRegion {
			return first(textsAt(request, lead.Path))
		}
	}
	return ""
}

func first(texts []string) string {
	if len(texts) == 0 {
		return ""
	}
	return texts[0]
}

func namesAt(request proto.Message, path Path) []string {
	names := []string{}
	for _, text := range textsAt(request, path) {
		if !uuid.MatchString(text) {
			names = append(names, text)
		}
	}
	return names
}

func textsAt(request proto.Message, path Path) []string {
	texts := []string{}
	visit(request.ProtoReflect(), path, func(holder protoreflect.Message, field protoreflect.FieldDescriptor) {
		switch value := holder.Get(field).Interface().(type) {
		case string:
			if value != "" {
				texts = append(texts, value)
			}
		case protoreflect.List:
			for place := range value.Len() {
				texts = append(texts, value.Get(place).String())
			}
		}
	})
	return texts
}

func replaceTexts(message protoreflect.Message, path Path, by map[string]string) {
	visit(message, path, func(holder protoreflect.Message, field protoreflect.FieldDescriptor) {
		if !field.IsList() {
			if id := by[holder.Get(field).String()]; id != "" {
				holder.Set(field, protoreflect.ValueOfString(id))
			}
			return
		}
		list := holder.Get(field).List()
		for place := range list.Len() {
			if id := by[list.Get(place).String()]; id != "" {
				list.Set(place, protoreflect.ValueOfString(id))
			}
		}
	})
}

// visit calls with each message that has the last field of a path; what is not there has none.
func visit(message protoreflect.Message, path Path, call func(protoreflect.Message, protoreflect.FieldDescriptor)) {
	field := message.Descriptor().Fields().ByName(protoreflect.Name(path[0]))
	switch {
	case field == nil:
	case len(path) == 1:
		call(message, field)
	case field.IsList():
		list := message.Get(field).List()
		for place := range list.Len() {
			visit(list.Get(place).Message(), path[1:], call)
		}
	case message.Has(field):
		visit(message.Get(field).Message(), path[1:], call)
	}
}
