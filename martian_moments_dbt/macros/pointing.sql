{#
    Where a picture looks and how wide, from what the feeds of Mars 2020 and MSL report with it:
    attitude         quaternion (w,x,y,z) from the rover's frame (x ahead, y right, z down) to the local level one (x north, y east)
    camera_vector    unit vector of the picture's centre, in the rover's frame
    camera_position  metres, likewise; equal to the C of the model
    camera_model     (C);(A);(H);(V), of CAHVOR and CAHVORE also (O);(R), of CAHVORE also (E);type;parameter, for delivered pixels
    Whatever is not of its form (UNK, NaN, too few numbers, no unit vector) gives null.

    Models: Yakimovsky and Cunningham 1978 (CAHV), Gennery 2006 (CAHVOR, CAHVORE), Di and Li 2004 (what their vectors mean). A pixel
    (x, y) looks along (V - yA) x (H - xA); its angle from O comes out of the polynomial of R, of CAHVORE with the type of the lens:
    1 perspective, 2 fisheye, 3 between these by the parameter. The entrance pupil's shift (E) moves the ray, and does not turn it.
#}

{# Text of numbers, (1,2,3), several of these behind semicolons or a JSON array, as something that nth_number and numbers_in read. #}
{% macro numbers(text) -%}
    {{ return(adapter.dispatch('numbers')(text)) }}
{%- endmacro %}

{# To DuckDB alone 1_000 is a number. #}
{% macro duckdb__numbers(text) -%}
    string_split(translate({{ text }}, ';_()[]', ',x'), ',')
{%- endmacro %}

{% macro snowflake__numbers(text) -%}
    translate({{ text }}, ';_()[]', ',x')
{%- endmacro %}

{# The nth of numbers(), from 1 on, as a double; null where it is none that a pixel or a metre could be. #}
{% macro nth_number(numbers, n) -%}
    {% set number = adapter.dispatch('_nth_number')(numbers, n) %}
    {{ return(bounded(number, -1000000, 1000000)) }}
{%- endmacro %}

{% macro duckdb___nth_number(numbers, n) -%}
    try_cast({{ numbers }}[{{ n }}] as double)
{%- endmacro %}

{% macro snowflake___nth_number(numbers, n) -%}
    try_cast(split_part({{ numbers }}, ',', {{ n }}) as double)
{%- endmacro %}

{# How many they are, whatever each of them is. #}
{% macro numbers_in(numbers) -%}
    {{ return(adapter.dispatch('numbers_in')(numbers)) }}
{%- endmacro %}

{% macro duckdb__numbers_in(numbers) -%}
    len({{ numbers }})
{%- endmacro %}

{% macro snowflake__numbers_in(numbers) -%}
    (length({{ numbers }}) - length(replace({{ numbers }}, ',', '')) + 1)
{%- endmacro %}

{# One of so many whole numbers, not below the lowest; null where there are more or fewer. #}
{% macro pixel_count(numbers, n, of, lowest=1) -%}
    case
        when {{ numbers_in(numbers) }} = {{ of }} and {{ nth_number(numbers, n) }} between {{ lowest }} and 100000
            then cast({{ nth_number(numbers, n) }} as integer)
    end
{%- endmacro %}

{# The scalar product of two vectors, each by the prefix of its three columns. #}
{% macro dot(one, other) -%}
    ({{ one }}1 * {{ other }}1 + {{ one }}2 * {{ other }}2 + {{ one }}3 * {{ other }}3)
{%- endmacro %}

{# An arc cosine in degrees: what rounding has put beyond 1 is 1. #}
{% macro degrees_of_cosine(cosine) -%}
    degrees(acos(greatest(-1, least(1, {{ cosine }}))))
{%- endmacro %}

{# Degrees from 0 to below 360, in four digits. #}
{% macro circled(degrees) -%}
    round(mod(round({{ degrees }} + 360, 4), 360), 4)
{%- endmacro %}

{#
    CTEs that add to the records of a CTE, which has attitude, camera_vector, camera_position, camera_model, width_px and height_px:
    view_azimuth_deg, view_elevation_deg, fov_h_deg, fov_v_deg, view_method, camera_x_m, camera_y_m and camera_z_m. The last one is
    pointed.

    The field of view is the angle between the rays through the middle of two opposite edges. It is null unless the centre's ray is
    camera_vector within 0.05 degrees: a model that was shuffled, as some were in February 2021, or that is for other pixels, fails.
    camera_vector is the centre's ray as the lens bends it (MSL) or without that (Mars 2020).
#}
{% macro pointing_of(records) -%}
measured as (
    select
        *,
        {{ numbers('attitude') }} as attitude_numbers,
        {{ numbers('camera_vector') }} as vector_numbers,
        {{ numbers('camera_position') }} as position_numbers,
        {{ numbers('camera_model') }} as model_numbers
    from {{ records }}
),

-- Attitude q, camera_vector c, and of the model A, H, V, O (of CAHV it is A) and the lens's polynomial.
components as (
    select
        *,
        {%- for n in range(4) %}
        {{ _component('attitude_numbers', n + 1, 4) }} as q{{ n }},
        {%- endfor %}
        {%- for n in (1, 2, 3) %}
        {{ _component('vector_numbers', n, 3) }} as c{{ n }},
        {{ _component('position_numbers', n, 3) }} as position{{ n }},
        {{ nth_number('model_numbers', 3 + n) }} as model_a{{ n }},
        {{ nth_number('model_numbers', 6 + n) }} as h{{ n }},
        {{ nth_number('model_numbers', 9 + n) }} as v{{ n }},
        case {{ numbers_in('model_numbers') }}
            when 12 then {{ nth_number('model_numbers', 3 + n) }}
            when 18 then {{ nth_number('model_numbers', 12 + n) }}
            when 23 then {{ nth_number('model_numbers', 12 + n) }}
        end as model_o{{ n }},
        case {{ numbers_in('model_numbers') }} when 12 then 0 else {{ nth_number('model_numbers', 15 + n) }} end as lens{{ n }},
        {%- endfor %}
        -- 1 where the polynomial gives the tangent of a ray's angle from O, 0 where it gives the angle itself.
        case
            when {{ numbers_in('model_numbers') }} < 23 then 1
            when {{ nth_number('model_numbers', 22) }} in (1, 2) then 2 - {{ nth_number('model_numbers', 22) }}
            when {{ nth_number('model_numbers', 22) }} = 3 then {{ bounded(nth_number('model_numbers', 23), 0, 1) }}
        end as linearity
    from measured
),

lengths as (
    select
        *,
        nullif(sqrt({{ dot('model_a', 'model_a') }}), 0) as a_length,
        nullif(sqrt({{ dot('model_o', 'model_o') }}), 0) as o_length,
        sqrt({{ dot('c', 'c') }}) as vector_length,
        q0 * q0 + q1 * q1 + q2 * q2 + q3 * q3 as attitude_square
    from components
),

units as (
    select
        *,
        attitude_square between 0.98 and 1.02 and vector_length between 0.99 and 1.01 as is_pointed,
        a_length between 0.999 and 1.001 and o_length between 0.999 and 1.001 as is_model,
        {%- for n in (1, 2, 3) %}
        model_a{{ n }} / a_length as a{{ n }},
        model_o{{ n }} / o_length as o{{ n }}{{ ',' if not loop.last }}
        {%- endfor %}
    from lengths
),

crossed as (
    select
        *,
        a2 * h3 - a3 * h2 as n1,
        a3 * h1 - a1 * h3 as n2,
        a1 * h2 - a2 * h1 as n3,
        {{ dot('a', 'h') }} as hc,
        {{ dot('a', 'v') }} as vc
    from units
),

looking as (
    select
        *,
        nullif(sqrt({{ dot('n', 'n') }}), 0) as hs,
        (
            (q0 * q0 + q1 * q1 - q2 * q2 - q3 * q3) * c1 + 2 * (q1 * q2 - q0 * q3) * c2 + 2 * (q1 * q3 + q0 * q2) * c3
        ) as north,
        (
            2 * (q1 * q2 + q0 * q3) * c1 + (q0 * q0 - q1 * q1 + q2 * q2 - q3 * q3) * c2 + 2 * (q2 * q3 - q0 * q1) * c3
        ) as east,
        (
            2 * (q1 * q3 - q0 * q2) * c1 + 2 * (q2 * q3 + q0 * q1) * c2 + (q0 * q0 - q1 * q1 - q2 * q2 + q3 * q3) * c3
        ) / nullif(attitude_square * vector_length, 0) as down
    from crossed
),

-- In the frame of the camera: ahead A, to the right what of H is square to it, down what is square to both.
framed as (
    select
        *,
        ({{ dot('h', 'v') }} - hc * vc) / hs as skew,
        nullif({{ dot('n', 'v') }} / hs, 0) as vs,
        {%- for vector in 'oc' %}
        {{ dot('a', vector) }} as {{ vector }}_ahead,
        ({{ dot('h', vector) }} - hc * {{ dot('a', vector) }}) / hs as {{ vector }}_right,
        {{ dot('n', vector) }} / hs as {{ vector }}_down{{ ',' if not loop.last }}
        {%- endfor %}
    from looking
    {%- set rays = {'centre': (0.5, 0.5), 'left': (0, 0.5), 'right': (1, 0.5), 'top': (0.5, 0), 'bottom': (0.5, 1)} %}
),

rays_right as (
    select
        *,
        {%- for ray, at in rays.items() %}
        ({{ at[0] }} * width_px * a_length - hc) / hs as {{ ray }}_right{{ ',' if not loop.last }}
        {%- endfor %}
    from framed
),

rays_down as (
    select
        *,
        {%- for ray, at in rays.items() %}
        ({{ at[1] }} * height_px * a_length - vc - skew * {{ ray }}_right) / vs as {{ ray }}_down{{ ',' if not loop.last }}
        {%- endfor %}
    from rays_right
),

-- Of each ray what of it is along O, and what is square to that.
rays_along as (
    select
        *,
        {%- for ray in rays %}
        o_ahead + o_right * {{ ray }}_right + o_down * {{ ray }}_down as {{ ray }}_along,
        1 + {{ ray }}_right * {{ ray }}_right + {{ ray }}_down * {{ ray }}_down as {{ ray }}_square{{ ',' if not loop.last }}
        {%- endfor %}
    from rays_down
),

rays_0 as (
    select
        *,
        {%- for ray in rays %}
        sqrt(greatest(0, {{ ray }}_square - {{ ray }}_along * {{ ray }}_along)) as {{ ray }}_across,
        case
            when {{ ray }}_along > 0
                then sqrt(greatest(0, {{ ray }}_square - {{ ray }}_along * {{ ray }}_along)) / {{ ray }}_along
        end as {{ ray }}_0{{ ',' if not loop.last }}
        {%- endfor %}
    from rays_along
),

-- Newton's method, from the ray without a lens: (1 + lens1) t + lens2 t^3 + lens3 t^5 is the ray's tangent.
{%- for step in range(5) %}

rays_{{ step + 1 }} as (
    select
        *,
        {%- for ray in rays %}
        {{ _newton(ray ~ '_0', ray ~ '_' ~ step) }} as {{ ray }}_{{ step + 1 }}{{ ',' if not loop.last }}
        {%- endfor %}
    from rays_{{ step }}
),
{%- endfor %}

bent as (
    select
        *,
        {%- for ray in rays %}
        case
            when abs({{ ray }}_5 - {{ ray }}_4) > 0.000001 then null
            when linearity = 0 then {{ ray }}_5
            else atan(linearity * {{ ray }}_5) / linearity
        end as {{ ray }}_angle{{ ',' if not loop.last }}
        {%- endfor %}
    from rays_5
),

compared as (
    select
        *,
        {{ _cosine_of_edges('left', 'right') }} as cosine_h,
        {{ _cosine_of_edges('top', 'bottom') }} as cosine_v,
        (c_ahead + c_right * centre_right + c_down * centre_down) / sqrt(centre_square) as straight_cosine,
        cos(centre_angle) * (o_ahead * c_ahead + o_right * c_right + o_down * c_down)
        + sin(centre_angle) * (
            (c_ahead + c_right * centre_right + c_down * centre_down)
            - centre_along * (o_ahead * c_ahead + o_right * c_right + o_down * c_down)
        ) / nullif(centre_across, 0) as bent_cosine
    from bent
),

checked as (
    select
        *,
        is_model
        and vs > 0
        and greatest(straight_cosine, coalesce(bent_cosine, straight_cosine)) / nullif(vector_length, 0)
        >= cos(radians(0.05)) as is_model_of_picture
    from compared
),

pointed as (
    select
        *,
        case when is_pointed then {{ circled('degrees(atan2(east, north))') }} end as view_azimuth_deg,
        case when is_pointed then round(-degrees(asin(greatest(-1, least(1, down)))), 4) end as view_elevation_deg,
        case when is_model_of_picture then round({{ degrees_of_cosine('cosine_h') }}, 4) end as fov_h_deg,
        case when is_model_of_picture then round({{ degrees_of_cosine('cosine_v') }}, 4) end as fov_v_deg,
        case when is_pointed then 'telemetry' end as view_method,
        {%- for axis in 'xyz' %}
        case
            when abs(position1) <= 100 and abs(position2) <= 100 and abs(position3) <= 100 then round(position{{ loop.index }}, 6)
        end as camera_{{ axis }}_m{{ ',' if not loop.last }}
        {%- endfor %}
    from checked
)
{%- endmacro %}

{# What pointing_of adds, in the order of picture_columns(). #}
{% macro pointing_columns() -%}
    {{ return(
        ['view_azimuth_deg', 'view_elevation_deg', 'fov_h_deg', 'fov_v_deg', 'view_method', 'camera_x_m', 'camera_y_m', 'camera_z_m']
    ) }}
{%- endmacro %}

{# The nth of numbers(), where there are so many. #}
{% macro _component(numbers, n, of) -%}
    case {{ numbers_in(numbers) }} when {{ of }} then {{ nth_number(numbers, n) }} end
{%- endmacro %}

{# A better t for the tangent of a ray that no lens has bent. #}
{% macro _newton(tangent, t) -%}
    ({{ tangent }} + 2 * lens2 * {{ t }} * {{ t }} * {{ t }} + 4 * lens3 * {{ t }} * {{ t }} * {{ t }} * {{ t }} * {{ t }})
    / nullif(1 + lens1 + 3 * lens2 * {{ t }} * {{ t }} + 5 * lens3 * {{ t }} * {{ t }} * {{ t }} * {{ t }}, 0)
{%- endmacro %}

{# The cosine of the angle between two rays that the lens has bent. #}
{% macro _cosine_of_edges(one, other) -%}
    cos({{ one }}_angle) * cos({{ other }}_angle)
        + sin({{ one }}_angle) * sin({{ other }}_angle) * (
            1 + {{ one }}_right * {{ other }}_right + {{ one }}_down * {{ other }}_down - {{ one }}_along * {{ other }}_along
        ) / nullif({{ one }}_across * {{ other }}_across, 0)
{%- endmacro %}
