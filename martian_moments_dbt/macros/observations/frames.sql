{#
    What the finders of pairs, sequences and panoramas share. frames has a row for each exposure, or each tile of one:

    rover, sol, photo_key, source_camera, eye, partner, sequence_id, exposure_id, clock, taken_at_utc, site, drive,
    width_px, height_px, view_azimuth_deg, view_elevation_deg, fov_h_deg, fov_v_deg
    subframe        the part of the detector, as text
    is_part_known   whether it states where that is
    records         how many records the exposure has
    tile            the order of its tiles
    share           of the area of its largest frame
#}

{#
    The groups of frames that share some columns, numbered: later steps compare one number, which takes a fraction of the
    time of comparing texts. Null is a value like any other.
#}
{% macro numbered(name, columns, frames, where, having) -%}
    select
        {{ columns }},
        row_number() over (order by {{ columns }}) as {{ name }}
    from {{ frames }}
    where {{ where }}
    group by {{ columns }}
    having {{ having }}
{%- endmacro %}

{# Whether two rows have the same values in some columns. #}
{% macro same(one, other, columns) -%}
    {%- for column in columns.split(', ') %}
    {{ one }}.{{ column }} is not distinct from {{ other }}.{{ column }}
    {{- ' and' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# Seconds between two frames of a camera: by the clock where it is known, which is finer than some feeds' times. #}
{% macro seconds_apart(earlier_clock, earlier_time, clock, time) -%}
    round(coalesce({{ clock }} - {{ earlier_clock }}, {{ milliseconds_between(earlier_time, time) }} / 1000.0), 3)
{%- endmacro %}

{#
    Groups of frames with an id, from what their frames share (base), so that no frame that comes late or leaves
    changes it. Where several have one base, the first in time has the base alone; the others add the half hour of
    Earth in the middle of which they were taken and, where that is not enough, the least key of their photos: pieces
    of a panorama between which tiles are missing begin at one time.

    No rule that knows only the frames holds every id: a whole group that comes late, and was taken before the others
    of its base, takes the base from the first of them.

    groups has base, first_ms and mean_ms in milliseconds since 2000, and least_key.
#}
{% macro identified(groups) -%}
    select
        *,
        case
            when place_of_base = 1 then base
            when
                count(*) over (
                    partition by
                        base, {{ whole_part('mean_ms', 1800000) }}, case when place_of_base = 1 then 1 else 0 end
                ) = 1
                then base || '|' || cast({{ whole_part('mean_ms', 1800000) }} as varchar)
            else base || '|' || least_key
        end as id
    from (
        select
            *,
            row_number() over (partition by base order by first_ms, least_key) as place_of_base
        from {{ groups }}
    ) as placed
{%- endmacro %}

{% macro since_2000(moment) -%}
    {{ milliseconds_between("cast('2000-01-01T00:00:00+00:00' as timestamptz)", moment) }}
{%- endmacro %}
