"""The functions of CloudFormation, as far as the templates here use them: a template in, what is left of it out."""

import re

NO_VALUE = object()


def render(template, given, pseudo, later):
    """Fills in parameters, decides conditions, and leaves out what they leave out. `later` says what stands for a
    resource, by name, or for its attribute."""
    parameters = {}
    for name, parameter in template.get("Parameters", {}).items():
        value = given.get(name, parameter.get("Default"))
        if value is None:
            raise ValueError(f"no {name}")
        check(name, parameter, value)
        parameters[name] = value.split(",") if parameter["Type"] == "CommaDelimitedList" else value
    unknown = set(given) - set(parameters)
    if unknown:
        raise ValueError(f"no parameters: {unknown}")
    known = pseudo | parameters | {"AWS::NoValue": NO_VALUE}
    conditions = template.get("Conditions", {})

    def holds(condition):
        if isinstance(condition, str):
            return holds(conditions[condition])
        ((function, of),) = condition.items()
        if function == "Condition":
            return holds(of)
        if function == "Fn::Equals":
            # Numbers are strings to CloudFormation.
            left, right = map(value, of)
            return str(left) == str(right)
        return {
            "Fn::Not": lambda: not holds(of[0]),
            "Fn::And": lambda: all(map(holds, of)),
            "Fn::Or": lambda: any(map(holds, of)),
        }[function]()

    def substitute(text, own):
        def name(match):
            found = own.get(match[1], known.get(match[1]))
            return str(found if found is not None else later(*match[1].split(".")))

        return re.sub(r"\$\{([^}]+)\}", name, text)

    def value(tree):
        if isinstance(tree, list):
            return [found for found in map(value, tree) if found is not NO_VALUE]
        if not isinstance(tree, dict):
            return tree
        if len(tree) == 1:
            ((function, of),) = tree.items()
            match function:
                case "Ref":
                    return known[of] if of in known else later(of)
                case "Fn::GetAtt":
                    return later(*(of.split(".", 1) if isinstance(of, str) else of))
                case "Fn::If":
                    return value(of[1] if holds(of[0]) else of[2])
                case "Fn::Sub":
                    return substitute(of, {}) if isinstance(of, str) else substitute(of[0], value(of[1]))
                case "Fn::Join":
                    return of[0].join(value(of[1]))
                case "Fn::Split":
                    return value(of[1]).split(of[0])
                case "Fn::Select":
                    return value(of[1])[of[0]]
            if function.startswith("Fn::"):
                raise ValueError(f"{function} is not known here")
        return {key: found for key, found in ((key, value(of)) for key, of in tree.items()) if found is not NO_VALUE}

    resources = {
        name: value({key: part for key, part in resource.items() if key != "Condition"})
        for name, resource in template["Resources"].items()
        if "Condition" not in resource or holds(resource["Condition"])
    }
    return {"Resources": resources, "Outputs": value(template.get("Outputs", {}))}


def check(name, parameter, value):
    pattern = parameter.get("AllowedPattern")
    if pattern and not re.search(pattern, value):
        raise ValueError(f"{name}: {value!r} does not match {pattern}")
    if "AllowedValues" in parameter and value not in parameter["AllowedValues"]:
        raise ValueError(f"{name}: {value!r} is not allowed")
