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

{#
    Text of numbers, (1,2,3) or a JSON array of them, as something that nth_number and numbers_in read. To DuckDB alone 1_000 is a
    number; translate() would take twice as long there.
#}
{% macro numbers(text) -%}
    {{ return(adapter.dispatch('numbers')(text)) }}
{%- endmacro %}

{% macro duckdb__numbers(text) -%}
    case when not contains({{ text }}, '_') then string_split(trim({{ text }}, '()[]'), ',') end
{%- endmacro %}

{% macro snowflake__numbers(text) -%}
    translate({{ text }}, '_()[]', 'x')
{%- endmacro %}

{# The nth vector of a camera model as text, without the brackets around it; null where the model has fewer. #}
{% macro nth_vector(model, n) -%}
    nullif(split_part({{ model }}, ');(', {{ n }}), '')
{%- endmacro %}

{# The nth of numbers(), from 1 on, as a double, which may be NaN or infinite. #}
{% macro nth_number(numbers, n) -%}
    {{ return(adapter.dispatch('nth_number')(numbers, n)) }}
{%- endmacro %}

{% macro duckdb__nth_number(numbers, n) -%}
    try_cast({{ numbers }}[{{ n }}] as double)
{%- endmacro %}

{% macro snowflake__nth_number(numbers, n) -%}
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

{# An arc cosine in degrees: what rounding has put beyond 1 is 1, and what is no cosine, as NaN, null. #}
{% macro degrees_of_cosine(cosine) -%}
    case when {{ cosine }} between -1.000001 and 1.000001 then degrees(acos(greatest(-1, least(1, {{ cosine }})))) end
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
    {%- set rays = {'centre': (0.5, 0.5), 'left': (0, 0.5), 'right': (1, 0.5), 'top': (0.5, 0), 'bottom': (0.5, 1)} %}
    {%- set model = {'a': 2, 'h': 3, 'v': 4, 'o': 5, 'r': 6} %}
    {%- set nearly_one = 0.99999962 %}
measured as (
    select
        *,
        {{ numbers('attitude') }} as attitude_numbers,
        {{ numbers('camera_vector') }} as vector_numbers,
        {{ numbers('camera_position') }} as position_numbers,
        {%- for vector, n in model.items() %}
        {{ numbers(nth_vector('camera_model', n)) }} as {{ vector }}_numbers,
        {%- endfor %}
        {{ nth_vector('camera_model', 7) }} as entrance
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
        {{ _component('a_numbers', n, 3) }} as model_a{{ n }},
        {{ _component('h_numbers', n, 3) }} as h{{ n }},
        {{ _component('v_numbers', n, 3) }} as v{{ n }},
        {{ _component('coalesce(o_numbers, a_numbers)', n, 3) }} as model_o{{ n }},
        case when o_numbers is null then 0 else {{ _component('r_numbers', n, 3) }} end as lens{{ n }},
        {%- endfor %}
        -- 1 where the polynomial gives the tangent of a ray's angle from O, 0 where it gives the angle itself.
        case
            when entrance is null then 1
            when {{ _lens_type() }} in (1, 2) then 2 - {{ _lens_type() }}
            when {{ _lens_type() }} = 3 then {{ bounded("try_cast(split_part(entrance, ';', 3) as double)", 0, 1) }}
        end as linearity
    from measured
),

lengths as (
    select
        *,
        nullif(sqrt({{ dot('model_a', 'model_a') }}), 0) as a_length,
        nullif(sqrt({{ dot('model_o', 'model_o') }}), 0) as o_length,
        nullif(sqrt({{ dot('c', 'c') }}), 0) as vector_length,
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

rays_across as (
    select
        *,
        {%- for ray in rays %}
        sqrt(greatest(0, {{ ray }}_square - {{ ray }}_along * {{ ray }}_along)) as {{ ray }}_across{{ ',' if not loop.last }}
        {%- endfor %}
    from rays_along
),

rays_0 as (
    select
        *,
        {%- for ray in rays %}
        case when {{ ray }}_along > 0 then {{ ray }}_across / {{ ray }}_along end as {{ ray }}_0{{ ',' if not loop.last }}
        {%- endfor %}
    from rays_across
),

-- Newton's method, from the ray without a lens: (1 + lens1) t + lens2 t^3 + lens3 t^5 is the ray's tangent. Three steps leave
-- 1e-9 of the widest ray of a navigation camera.
{%- for step in (1, 2, 3) %}

rays_{{ step }} as (
    select
        *,
        {%- for ray in rays %}
        {{ _newton(ray ~ '_0', ray ~ '_' ~ (step - 1)) }} as {{ ray }}_{{ step }}{{ ',' if not loop.last }}
        {%- endfor %}
    from rays_{{ step - 1 }}
),
{%- endfor %}

bent as (
    select
        *,
        {%- for ray in rays %}
        case
            when abs({{ ray }}_3 - {{ ray }}_2) > 0.001 then null
            when linearity = 0 then {{ ray }}_3
            else atan(linearity * {{ ray }}_3) / linearity
        end as {{ ray }}_angle{{ ',' if not loop.last }}
        {%- endfor %}
    from rays_3
),

compared as (
    select
        *,
        {{ _cosine_of_edges('left', 'right') }} as cosine_h,
        {{ _cosine_of_edges('top', 'bottom') }} as cosine_v,
        o_ahead * c_ahead + o_right * c_right + o_down * c_down as c_along,
        c_ahead + c_right * centre_right + c_down * centre_down as c_centre
    from bent
),

checked as (
    select
        *,
        is_model and vs > 0 and (
            c_centre / sqrt(centre_square) / vector_length between {{ nearly_one }} and 1.000001
            or (
                cos(centre_angle) * c_along
                + sin(centre_angle) * (c_centre - centre_along * c_along) / nullif(centre_across, 0)
            ) / vector_length between {{ nearly_one }} and 1.000001
        ) as is_model_of_picture
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

{# The type of a CAHVORE model's lens, behind its seventh vector. #}
{% macro _lens_type() -%}
    try_cast(split_part(entrance, ';', 2) as double)
{%- endmacro %}

{# The nth of numbers(), where there are so many. #}
{% macro _component(numbers, n, of) -%}
    case {{ numbers_in(numbers) }} when {{ of }} then {{ nth_number(numbers, n) }} end
{%- endmacro %}

{# A better t for the tangent of a ray that no lens has bent. #}
{% macro _newton(tangent, t) -%}
    ({{ tangent }} + {{ t }} * {{ t }} * {{ t }} * (2 * lens2 + 4 * lens3 * {{ t }} * {{ t }}))
    / nullif(1 + lens1 + {{ t }} * {{ t }} * (3 * lens2 + 5 * lens3 * {{ t }} * {{ t }}), 0)
{%- endmacro %}

{# The cosine of the angle between two rays that the lens has bent. #}
{% macro _cosine_of_edges(one, other) -%}
    cos({{ one }}_angle) * cos({{ other }}_angle)
        + sin({{ one }}_angle) * sin({{ other }}_angle) * (
            1 + {{ one }}_right * {{ other }}_right + {{ one }}_down * {{ other }}_down - {{ one }}_along * {{ other }}_along
        ) / nullif({{ one }}_across * {{ other }}_across, 0)
{%- endmacro %}
